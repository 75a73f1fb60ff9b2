"""Votes of the nearest labelled images."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from alframe.errors import BadParams
from alframe.heads.fitting import scale_examples
from alframe.heads.knn import Knn
from alframe.kit.clustering import unit_vectors
from alframe.testing.head import HeadSuite, separable_clusters


class TestKnn(HeadSuite):
    make = Knn


class TestOneNeighbour(HeadSuite):
    def make(self):
        return Knn(k=1)


def fitted(head, x, y, classes):
    head.fit(x, y, classes, np.random.default_rng(0))
    return head


@pytest.fixture(scope="module")
def digits():
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    return x[order].astype(np.float32), y[order]


def test_the_votes_are_scikit_learns(digits):
    x, y = digits
    head = fitted(Knn(k=7, smoothing=1e-6), x[:300], y[:300], 10)
    slope = head.state()["slope"].item()

    def votes(distances):
        return np.exp(-slope * (distances**2 - distances[:, :1] ** 2))

    scaled, mean, scale, _, _ = scale_examples(x[:300], y[:300])
    peer = KNeighborsClassifier(7, weights=votes, algorithm="brute").fit(unit_vectors(scaled), y[:300])
    expected = peer.predict_proba(unit_vectors((x[300:] - mean) / scale))
    np.testing.assert_allclose(head.probs(x[300:]), expected, atol=2e-3)


def test_smoothing_is_so_many_votes_for_nobody(digits):
    x, y = digits
    probs = fitted(Knn(k=1, smoothing=0.5), x[:100], y[:100], 10).probs(x[100:200])
    np.testing.assert_allclose(np.sort(probs)[:, -2:], np.tile([0.05 / 1.5, 1.05 / 1.5], (100, 1)), rtol=1e-5)


def test_no_image_votes_for_itself():
    # Labels are noise: who asked itself would find that the nearest is always right, and trust nobody else.
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(80, 30)).astype(np.float32), rng.integers(2, size=80)
    noise = fitted(Knn(), x, y, 2).probs(rng.normal(size=(200, 30)).astype(np.float32))
    assert noise.max(axis=1).mean() < 0.75


def test_many_copies_of_an_image_do_no_harm():
    x, y = separable_clusters()
    x = np.concatenate([x, np.repeat(x[:1], 40, axis=0)])
    y = np.concatenate([y, np.repeat(y[:1], 40)])
    assert (fitted(Knn(), x, y, 3).probs(x).argmax(axis=1) == y).all()


def test_fewer_examples_than_neighbours():
    x, y = separable_clusters(per_class=1)
    new, truth = separable_clusters(seed=2)
    assert (fitted(Knn(k=50), x, y, 3).probs(new).argmax(axis=1) == truth).mean() > 0.95


def test_the_pool_goes_through_in_parts(monkeypatch, digits):
    x, y = digits
    head = fitted(Knn(), x[:100], y[:100], 10)
    whole = head.probs(x)
    monkeypatch.setattr("alframe.chunks.ROWS", 50)
    np.testing.assert_allclose(head.probs(x), whole, atol=1e-4)


@pytest.mark.parametrize("params", [{"k": 0}, {"smoothing": 0}])
def test_values_that_cannot_be(params):
    with pytest.raises(BadParams, match="head 'knn'"):
        Knn(**params)
