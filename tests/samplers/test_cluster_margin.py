"""Cluster-margin."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.errors import BadParams
from alframe.samplers.cluster_margin import ClusterMargin, cluster_rows, round_robin_order
from alframe.samplers.uncertainty import Margin
from alframe.testing.sampler import SamplerSuite, tiny_view
from alframe.types import Need, PoolView

BOTH = {Need.PROBS, Need.FEATURES}


class TestClusterMargin(SamplerSuite):
    def make(self):
        return ClusterMargin(candidates=12, size=6)  # on a dozen images, two clusters: the odd one, and the others


def groups_of(sizes, dim=5, seed=0):
    """Rows of tight, distant groups of these sizes, and the number of the group of each."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return (50 * rng.normal(size=(len(sizes), dim))[group] + rng.normal(size=(len(group), dim))).astype(
        np.float32
    ), group


def doubtful(n, classes=3):
    return np.random.default_rng(1).dirichlet(np.full(classes, 5), n).astype(np.float32)


def by_hand(group, k):
    """How many of each group a batch of k takes: a loop over clusters by size, leaving out those used up."""
    left = dict(zip(*np.unique(group, return_counts=True), strict=True))
    taken = dict.fromkeys(left, 0)
    order = sorted(left, key=lambda number: left[number])
    while sum(taken.values()) < k:
        for number in order:
            if left[number] and sum(taken.values()) < k:
                left[number] -= 1
                taken[number] += 1
    return taken


@pytest.mark.parametrize("k", [1, 5, 9, 14, 30])
def test_the_small_clusters_first_and_each_in_turn(k):
    x, group = groups_of([2, 3, 7, 11, 17])
    view = PoolView(np.arange(40), {Need.PROBS: doubtful(40), Need.FEATURES: x})
    chosen = ClusterMargin(candidates=40, size=8).select(view, k, np.random.default_rng(0)).keys
    numbers, counts = np.unique(group[chosen], return_counts=True)
    assert dict(zip(numbers, counts, strict=True)) == {g: n for g, n in by_hand(group, k).items() if n}
    assert group[chosen[:5]].tolist() == [0, 1, 2, 3, 4][:k]


def test_only_the_smallest_margins_are_looked_at():
    view = tiny_view(BOTH, n=200)
    best = set(Margin().select(view, 40, np.random.default_rng(0)).keys.tolist())
    for seed in range(5):
        assert set(ClusterMargin(candidates=4).select(view, 10, np.random.default_rng(seed)).keys.tolist()) <= best


def test_with_one_candidate_for_each_it_is_margin():
    view = tiny_view(BOTH, n=100)
    chosen = ClusterMargin(candidates=1).select(view, 12, np.random.default_rng(0))
    assert set(chosen.keys.tolist()) == set(Margin().select(view, 12, np.random.default_rng(0)).keys.tolist())


def test_a_burst_of_doubtful_frames_gets_one_place_and_not_all():
    x, group = groups_of([60, 5, 5, 5, 5])
    probs = np.tile(np.array([0.6, 0.4], np.float32), (80, 1))
    probs[group == 0] = 0.5
    view = PoolView(np.arange(80), {Need.PROBS: probs, Need.FEATURES: x})
    assert (group[Margin().select(view, 5, np.random.default_rng(0)).keys] == 0).all()
    chosen = ClusterMargin(candidates=16, size=16).select(view, 5, np.random.default_rng(0)).keys
    assert sorted(group[chosen]) == [0, 1, 2, 3, 4]


def test_average_linkage_by_scipy():
    from scipy.cluster.hierarchy import fcluster, linkage

    x = np.random.default_rng(3).normal(size=(70, 4)).astype(np.float32)
    ours = cluster_rows(x, np.arange(70), 10, 4000)
    theirs = fcluster(linkage(x.astype(np.float64), "average"), 7, "maxclust")
    assert len(set(zip(ours, theirs, strict=True))) == len(set(ours)) == len(set(theirs)) == 7


def test_candidates_beyond_rows_join_the_nearest_mean(monkeypatch):
    monkeypatch.setattr("alframe.chunks.ROWS", 50)
    x, group = groups_of([30, 40, 50], seed=5)
    cluster = cluster_rows(x, np.arange(120), 8, 24)  # 24 rows in three clusters
    assert len(set(zip(cluster, group, strict=True))) == 3
    assert len(cluster_rows(x, np.arange(120), 1, 20)) == 120  # as many clusters as rows: linkage has nothing to do


def test_the_linkage_never_sees_more_than_rows(monkeypatch):
    import sklearn.metrics

    seen = []
    real = sklearn.metrics.euclidean_distances
    monkeypatch.setattr(sklearn.metrics, "euclidean_distances", lambda x: seen.append(len(x)) or real(x))
    view = tiny_view(BOTH, n=600)
    assert len(ClusterMargin(rows=50).select(view, 40, np.random.default_rng(0)).keys) == 40
    assert seen == [50]


def test_ties_are_drawn():
    cluster = np.zeros(50, np.int64)
    first = [int(round_robin_order(cluster, np.random.default_rng(seed))[0]) for seed in range(60)]
    assert len(set(first)) > 30


@pytest.mark.parametrize("bad", ["candidates", "size", "rows"])
def test_parameters_that_cannot_be(bad):
    with pytest.raises(BadParams, match=f"cluster_margin.*{bad}=0"):
        ClusterMargin(**{bad: 0})
