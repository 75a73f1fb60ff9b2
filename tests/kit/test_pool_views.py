"""What the head says of the pool, without a copy of the pool."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.heads.laplace import Laplace
from alframe.heads.mlp import Mlp
from alframe.kit import pool_views
from alframe.kit.pool_views import make_pool_view
from alframe.samplers.bald import Bald
from alframe.samplers.batch_bald import BatchBald
from alframe.types import Need, lazy


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


def view(features, head, needs, rng, sampler=None):
    y = np.arange(30) % 3
    head.fit(np.asarray(features)[:30], y, 3, np.random.default_rng(0))
    return make_pool_view(sampler or Asking(*needs), features, np.arange(299, 29, -1), np.arange(30), y, rng, head)


@pytest.mark.parametrize("head", [Laplace, lambda: Mlp(epochs=3)])
def test_parts_of_the_pool_are_the_pool(head, features, monkeypatch):
    rngs = np.random.default_rng(7), np.random.default_rng(7)
    needs = (Need.PROBS, Need.PROB_SAMPLES)
    whole = view(features, head(), needs, rngs[0])
    monkeypatch.setattr("alframe.chunks.ROWS", 64)
    monkeypatch.setattr(lazy, "SAMPLE_CHUNK_ROWS", 64)
    monkeypatch.setattr(pool_views, "MAX_KEPT_SAMPLE_BYTES", 0)
    features.most[0] = 0
    parts = view(features, head(), needs, rngs[1])
    np.testing.assert_allclose(parts.probs, whole.probs, atol=1e-6)
    np.testing.assert_allclose(parts.prob_samples, whole.prob_samples, atol=1e-6)
    assert features.most[0] == 64
    assert rngs[0].random() == rngs[1].random(), "the sampler's own numbers depend on when the draws are made"


def test_draws_are_the_same_whenever_they_are_read(features, monkeypatch):
    monkeypatch.setattr(pool_views, "MAX_KEPT_SAMPLE_BYTES", 0)
    rng = np.random.default_rng(7)
    samples = view(features, Laplace(), (Need.PROB_SAMPLES,), rng).lazy_prob_samples
    assert samples.shape == (4, 270, 3)
    whole = samples.to_array()
    rng.random(5)
    some = np.array([200, 3, 77])
    np.testing.assert_allclose(samples[some], whole[:, some], atol=1e-6)
    kept = np.arange(270) % 3 == 1
    np.testing.assert_allclose(samples.subset(kept)[2:50], whole[:, kept][:, 2:50], atol=1e-6)
    np.testing.assert_allclose(samples.subset(kept).first_draws(2).to_array(), whole[:2, kept], atol=1e-6)


def test_bald_of_a_large_pool_reads_parts_and_chooses_the_same(features, monkeypatch):
    """Neither all draws nor all features are ever in memory, and those of the candidates are made again."""

    def chosen(sampler):
        rng = np.random.default_rng(7)
        shown = view(features, Laplace(), sampler.needs, rng, sampler)
        features.most[0] = 0
        return sampler.select(shown, 9, rng).keys.tolist(), features.most[0]

    samplers = (lambda: Bald(draws=5), lambda: BatchBald(candidates=40, draws=5))
    before = [chosen(make()) for make in samplers]
    assert [most for _, most in before] == [0, 0]  # made once, when the view was
    monkeypatch.setattr(pool_views, "MAX_KEPT_SAMPLE_BYTES", 0)
    monkeypatch.setattr(lazy, "SAMPLE_CHUNK_ROWS", 64)
    after = [chosen(make()) for make in samplers]
    assert [keys for keys, _ in after] == [keys for keys, _ in before]
    assert [most for _, most in after] == [64, 64]
