"""What the head says of the pool, without a copy of the pool."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.engine import score
from alframe.engine.fit import Training
from alframe.engine.score import view_pool
from alframe.heads.laplace import Laplace
from alframe.heads.mlp import Mlp
from alframe.types import Need


class Asking:
    draws = 4

    def __init__(self, *needs):
        self.needs = frozenset(needs)


class Counting(np.ndarray):
    """Notes how many rows are taken out at once."""

    def __getitem__(self, key):
        found = super().__getitem__(key)
        self.most[0] = max(self.most[0], len(found))
        return np.asarray(found)


@pytest.fixture
def features():
    x = np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32).view(Counting)
    x.most = [0]
    return x


def view(features, head, needs, rng):
    y = np.arange(30) % 3
    head.fit(np.asarray(features)[:30], y, 3, np.random.default_rng(0))
    training = Training(np.arange(30), y, ("a", "b", "c"), np.arange(30))
    return view_pool(Asking(*needs), np.arange(299, 29, -1), features, [], training, head, rng)


@pytest.mark.parametrize("head", [Laplace, lambda: Mlp(epochs=3)])
def test_parts_of_the_pool_are_the_pool(head, features, monkeypatch):
    rngs = np.random.default_rng(7), np.random.default_rng(7)
    needs = (Need.PROBS, Need.PROB_SAMPLES)
    whole = view(features, head(), needs, rngs[0])
    monkeypatch.setattr(score, "ROWS", 64)
    features.most[0] = 0
    parts = view(features, head(), needs, rngs[1])
    assert features.most[0] == 64
    np.testing.assert_allclose(parts.probs, whole.probs, atol=1e-6)
    np.testing.assert_allclose(parts.prob_samples, whole.prob_samples, atol=1e-6)
    assert rngs[0].random() == rngs[1].random()
