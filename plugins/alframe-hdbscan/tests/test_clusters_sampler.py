"""HDBSCAN's clusters in equal parts, and its noise."""

from __future__ import annotations

import numpy as np
import pytest
from alframe_hdbscan.clusters import Clusters
from alframe_hdbscan.space import coordinates

import alframe
from alframe.errors import BadParams, UnmetNeed
from alframe.kit.composite import build_part
from alframe.testing.sampler import SamplerSuite, assert_valid_selection, tiny_keys, tiny_view
from alframe.types import Need, PoolView


class TestClusters(SamplerSuite):
    make = Clusters

    def obvious_choice(self):
        return None  # at random within a cluster


class TestClustersOfFeatures(SamplerSuite):
    def make(self):
        return Clusters(by="features", smallest=4, neighbours=2)

    def obvious_choice(self):
        return None


def heaps(*sizes, noise=0):
    rng = np.random.default_rng(0)
    heap = np.repeat(np.arange(len(sizes)), sizes)
    x = 40 * np.eye(max(2, len(sizes)))[heap] + rng.normal(size=(len(heap), max(2, len(sizes))))
    far = rng.uniform(500, 5000, size=(noise, x.shape[1])) * rng.choice([-1, 1], size=(noise, x.shape[1]))
    return np.concatenate([x, far]).astype(np.float32), np.concatenate([heap, np.full(noise, -1)])


def choose(x, k, seed=0, **params):
    view = PoolView(tiny_keys(len(x)), {Need.FEATURES: x})
    chosen = Clusters(by="features", **params).select(view, k, np.random.default_rng(seed))
    assert_valid_selection(chosen, view, k)
    return [view.keys.tolist().index(id_) for id_ in chosen.keys.tolist()]


def test_equal_shares_and_a_fifth_of_outliers():
    x, heap = heaps(300, 60, 40, noise=15)
    rows = choose(x, 30, smallest=30)
    assert np.bincount(heap[rows] + 1).tolist() == [6, 8, 8, 8]


def test_a_small_cluster_gives_all_and_the_others_the_rest():
    x, heap = heaps(100, 100, 6)
    assert np.bincount(heap[choose(x, 60, smallest=6, outliers=0)]).tolist() == [27, 27, 6]


def test_more_clusters_than_places_are_not_always_the_first():
    x, heap = heaps(20, 20, 20, 20, 20)
    seen = {heap[row] for seed in range(12) for row in choose(x, 2, seed, smallest=10, outliers=0)}
    assert seen == {0, 1, 2, 3, 4}


def test_without_a_cluster_it_ends_and_is_random():
    """The predecessor never came back."""
    x = (3.0 ** np.arange(40)[:, None] * [1, 1]).astype(np.float32)  # each is far from all that come before
    with_all = Clusters(by="features")
    assert (with_all._cluster(x) == -1).all()
    chosen = [tuple(choose(x, 6, seed)) for seed in range(6)]
    assert len(set(chosen)) == 6


def test_the_size_is_halved_until_there_are_clusters():
    x, heap = heaps(30, 30, 30)
    rows = choose(x, 9, smallest=400, outliers=0)
    assert np.bincount(heap[rows]).tolist() == [3, 3, 3]


def test_logits_tell_apart_what_probabilities_hardly_do():
    probs = np.array([[0.99, 0.01, 0], [0.99, 0, 0.01], [0.2, 0.3, 0.5]], np.float32)
    view = PoolView(np.arange(3), {Need.PROBS: probs})
    x = coordinates(view, "logits", np.arange(3), np.random.default_rng(0))
    assert np.linalg.norm(x[0] - x[1]) > np.linalg.norm(probs[0] - probs[1]) * 100
    np.testing.assert_allclose(x[2], np.log(probs[2]) - np.log(probs[2]).mean(), rtol=1e-5)


def test_wide_embeddings_are_reduced_and_keep_their_clusters():
    rng = np.random.default_rng(0)
    heap = np.repeat([0, 1], 60)
    x = (rng.normal(size=(2, 400))[heap] * 3 + rng.normal(size=(120, 400))).astype(np.float32)
    view = PoolView(np.arange(120), {Need.FEATURES: x})
    assert coordinates(view, "features", np.arange(120), rng).shape == (120, 32)
    assert np.bincount(heap[choose(x, 10, smallest=30, outliers=0)]).tolist() == [5, 5]


def test_a_large_pool_is_looked_at_in_part():
    x, _ = heaps(200, 200)
    assert len(set(choose(x, 10, rows=60))) == 10
    assert len(set(choose(x, 390, rows=60))) == 390


def test_bad_input_is_refused():
    for wrong in ({"smallest": 1}, {"neighbours": 0}, {"outliers": 1.5}, {"rows": 1}):
        with pytest.raises(BadParams, match=f"sampler 'clusters': {next(iter(wrong))}="):
            Clusters(**wrong)
    with pytest.raises(BadParams, match="by=pixels"):
        Clusters(by="pixels")
    assert Clusters().needs == {Need.PROBS} and Clusters(by="features").needs == {Need.FEATURES}
    fields = {Need.PROBS: np.full((9, 2), np.nan, np.float32)}
    with pytest.raises(UnmetNeed, match="9 of 9 images looked at"):
        Clusters().select(PoolView(tiny_keys(9), fields), 2, np.random.default_rng(0))
    with pytest.raises(UnmetNeed, match=r"Need\.PROBS"):
        Clusters().select(tiny_view({Need.FEATURES}), 2, np.random.default_rng(0))


def test_it_can_be_chosen():
    sampler = build_part("sampler", alframe.compose("sampler=clusters", "sampler.outliers=0.5").sampler)
    assert isinstance(sampler, Clusters) and sampler.outliers == 0.5
