"""Prunings of a cluster tree by their definition, and where the labels are asked for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import ward

from alframe.errors import BadParams, UnmetNeed
from alframe.samplers.hierarchical import Hierarchical, prune_tree, ward_tree
from alframe.testing.sampler import SamplerSuite, assert_valid_selection, tiny_keys
from alframe.types import Need, PoolView


class TestHierarchical(SamplerSuite):
    make = Hierarchical

    def obvious_choice(self):
        return None  # it draws; see below for where


class TestHierarchicalOfClusters(TestHierarchical):
    def make(self):
        return Hierarchical(leaves=5)


def view_of(x, labelled, labels):
    fields = {
        Need.FEATURES: np.asarray(x, np.float32),
        Need.LABELLED_FEATURES: np.asarray(labelled, np.float32),
        Need.LABELS: np.asarray(labels, np.int64),
    }
    return PoolView(np.arange(len(x)), fields)


def by_definition(children, sizes, counts, beta):
    """{leaf: (its cluster's leaves, weight)} by recursion over the tree, word for word from the paper."""
    leaves = len(sizes)

    def below(node):
        return {node} if node < leaves else below(children[node - leaves][0]) | below(children[node - leaves][1])

    def look(node):
        mine = sorted(below(node))
        w, seen = sizes[mine].sum(), counts[mine].sum(axis=0)
        n = seen.sum()
        if n == 0:
            return w, np.zeros(len(seen)), {}
        p = seen / n
        delta = 1 / n + np.sqrt(p * (1 - p) / n)
        low, up = np.maximum(p - delta, 0), np.minimum(p + delta, 1)
        good = {
            c: 1 - p[c]
            for c in range(len(p))
            if all(1 - low[c] < beta * (1 - up[other]) for other in range(len(p)) if other != c)
        }
        return w, low, good

    def score(node):
        w, _, good = look(node)
        best = min(good.values(), default=1.0)
        if good and node >= leaves:
            a, b = children[node - leaves]
            parts = (look(a)[0] * score(a)[0] + look(b)[0] * score(b)[0]) / w
            if parts < best - 1e-12:
                return parts, True
        return best, False

    def cut(node, inherited):
        w, low, good = look(node)
        label = min(good, key=good.get) if good else inherited
        if score(node)[1]:
            return {**cut(children[node - leaves][0], label), **cut(children[node - leaves][1], label)}
        return dict.fromkeys(below(node), (frozenset(below(node)), w * (1 - low[label])))

    return cut(2 * leaves - 2, 0)


@pytest.mark.parametrize("seed", range(12))
def test_the_pruning_is_that_of_the_paper(seed):
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, 24)
    x = 6 * np.eye(3)[kind] + rng.normal(size=(24, 3))
    children = ward(x)[:, :2].astype(np.int64)
    counts = np.zeros((24, 3), np.int64)
    for leaf in range(24):
        said = np.where(rng.random(5) < 0.9, kind[leaf], rng.integers(0, 3, 5))[: rng.integers(0, 6)]
        np.add.at(counts[leaf], said, 1)
    sizes = counts.sum(axis=1) + rng.integers(0, 9, 24)
    cluster, weights = prune_tree(children, sizes, counts, 2.0)
    expected = by_definition(children.tolist(), sizes, counts, 2.0)
    assert len(set(cluster)) > 1, "a case without a cut shows nothing"
    for leaf in range(24):
        together, weight = expected[leaf]
        assert frozenset(np.flatnonzero(cluster == cluster[leaf]).tolist()) == together
        assert weights[cluster[leaf]] == pytest.approx(weight)
    assert (weights > 0).sum() == len(set(cluster))


def leaf_sets(children, leaves):
    below = [frozenset([leaf]) for leaf in range(leaves)]
    for a, b in children:
        below.append(below[a] | below[b])
    return set(below)


@pytest.mark.parametrize("seed", range(4))
def test_the_tree_over_clusters_is_wards_over_their_images(seed):
    rng = np.random.default_rng(seed)
    centres, sizes = rng.normal(size=(25, 3)), rng.integers(1, 40, 25)
    tree = leaf_sets(ward_tree(centres, sizes), 25)
    owner = np.repeat(np.arange(25), sizes)
    of_images = leaf_sets(ward(centres[owner])[:, :2].astype(int), len(owner))
    whole = {frozenset(owner[list(images)].tolist()) for images in of_images}
    assert tree == whole
    assert (
        leaf_sets(ward_tree(centres, np.ones(25, int)), 25) == leaf_sets(ward(centres)[:, :2].astype(int), 25) != tree
    )


def test_an_empty_cluster_and_equal_ones_have_a_tree():
    children = ward_tree(np.zeros((6, 2)), np.array([3, 0, 0, 5, 1, 1]))
    assert sorted(children.ravel().tolist()) == list(range(10)) and (children.max(axis=1) < np.arange(6, 11)).all()


def test_without_labels_it_is_random():
    view = view_of(np.random.default_rng(0).normal(size=(20, 2)), np.zeros((0, 2)), [])
    counts = np.bincount(
        np.concatenate([Hierarchical().select(view, 5, np.random.default_rng(seed)).keys for seed in range(400)])
    )
    assert len(counts) == 20 and counts.min() > 60 and counts.max() < 140, counts


@pytest.mark.parametrize("leaves", [4, 500])
def test_labels_are_asked_for_where_a_cluster_is_not_pure(leaves):
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(size=(60, 2)), 100 + rng.normal(size=(60, 2))])
    labelled = np.concatenate([rng.normal(size=(30, 2)), 100 + rng.normal(size=(30, 2))])
    labels = np.concatenate([np.zeros(30), 1 + (np.arange(30) % 3 == 0)])  # the second is two thirds 1 and one third 2
    chosen = [
        Hierarchical(leaves=leaves).select(view_of(x, labelled, labels), 10, np.random.default_rng(seed)).keys
        for seed in range(20)
    ]
    assert np.mean(np.concatenate(chosen) >= 60) > 0.75


def test_large_clusters_get_more():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(90, 2)), 100 + rng.normal(size=(10, 2))])
    labelled, labels = np.repeat([[0, 0], [100, 100]], 20, axis=0), np.repeat([0, 1], 20)
    chosen = [
        Hierarchical().select(view_of(x, labelled, labels), 5, np.random.default_rng(seed)).keys for seed in range(60)
    ]
    assert 0.7 < np.mean(np.concatenate(chosen) < 90) < 0.88, "110 to 30 images, equally pure: 0.79"


def test_it_stops_when_clusters_run_out():
    view = view_of(np.repeat([[0, 0], [9, 9]], [1, 30], axis=0), [[0, 0]] * 5, [0] * 5)
    assert_valid_selection(Hierarchical().select(view, 31, np.random.default_rng(0)), view, 31)


def test_bad_input_is_refused():
    for wrong in ({"beta": 1.0}, {"leaves": 1}):
        with pytest.raises(BadParams, match=f"sampler 'hierarchical': {next(iter(wrong))}="):
            Hierarchical(**wrong)
    with pytest.raises(UnmetNeed, match="1 of 6 points"):
        Hierarchical().select(
            view_of(np.zeros((4, 2)), [[0, 0], [0, np.nan]], [0, 1]), 2, np.random.default_rng(tiny_keys(1)[0])
        )
