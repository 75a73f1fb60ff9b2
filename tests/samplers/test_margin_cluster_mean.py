"""Medoids of what is inside the margin."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.errors import BadParams
from alframe.samplers.margin_cluster_mean import MarginClusterMean, _choose_medoids, is_inside_margin
from alframe.testing.sampler import SamplerSuite, tiny_keys
from alframe.types import Need, PoolView


class TestMarginClusterMean(SamplerSuite):
    make = MarginClusterMean


def choose(x, probs, labelled, k, seed=0, **params):
    fields = {Need.FEATURES: x, Need.PROBS: probs, Need.LABELLED_PROBS: labelled}
    keys = tiny_keys(len(x))
    view = PoolView(keys, {need: np.asarray(array, np.float32) for need, array in fields.items()})
    chosen = MarginClusterMean(**params).select(view, k, np.random.default_rng(seed))
    places = {id_: row for row, id_ in enumerate(keys.tolist())}
    return [places[id_] for id_ in chosen.keys.tolist()]


SURE = [0.9, 0.08, 0.02]
UNSURE = [0.42, 0.4, 0.18]
LABELLED = [[0.7, 0.2, 0.1], [0.1, 0.75, 0.15], [0.1, 0.2, 0.7]]


def test_the_whole_pool_is_looked_at_and_typical_images_are_chosen():
    """The predecessor looked at as many rows as there are classes, and so fell back to margin sampling."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 2))
    probs = np.tile(SURE, (90, 1))
    centres = [(0, 0), (50, 0), (0, 50)]
    middle = []
    for number, centre in enumerate(centres):
        rows = np.arange(30 + 15 * number, 45 + 15 * number)
        x[rows] = centre + rng.normal(size=(15, 2))
        x[rows[7]] = x[rows].mean(axis=0)
        middle.append(rows[7])
        probs[rows] = UNSURE
    probs[[31, 32, 33]] = [0.4, 0.4, 0.2]  # least sure of all, in one heap: what plain margin sampling takes
    assert sorted(choose(x, probs, LABELLED, 3)) == sorted(middle)


def test_too_few_inside_is_margin_sampling():
    probs = np.tile(SURE, (30, 1))
    lead = 0.6 + 0.01 * np.random.default_rng(1).permutation(30)
    probs[:, 0], probs[:, 1], probs[:, 2] = lead + 0.01, 0.01, 0.98 - lead
    expected = np.argsort(np.abs(probs[:, 0] - np.maximum(probs[:, 1], probs[:, 2])))[:5]
    assert choose(np.random.default_rng(0).normal(size=(30, 2)), probs, [[0.34, 0.33, 0.33]], 5) == expected.tolist()


def test_empty_clusters_are_filled_up():
    x = np.repeat([[0.0, 0], [9, 9]], 20, axis=0)  # two kinds of images and six clusters
    assert len(set(choose(x, np.tile(UNSURE, (40, 1)), LABELLED, 6))) == 6


def test_inside_by_hand():
    rng = np.random.default_rng(3)
    probs, labelled = rng.dirichlet(np.ones(4), 200), rng.dirichlet(np.full(4, 0.2), 6)

    def distance(p, c):
        return abs(p[c] - max(np.delete(p, c)))

    limits = [min(distance(p, c) for p in labelled) for c in range(4)]
    expected = [any(distance(p, c) < limits[c] for c in range(4)) for p in probs]
    assert 0 < sum(expected) < 200
    assert is_inside_margin(probs, labelled).tolist() == expected
    assert is_inside_margin(probs, labelled[:0]).all(), "with nothing labelled there is no margin yet"


def test_a_medoid_is_the_nearest_of_its_own_cluster():
    x = np.array([[0, 0], [1, 0], [2, 0], [100, 0], [101, 0], [102, 0]], np.float32)
    assert sorted(_choose_medoids(x, 2, np.random.default_rng(0))) == [1, 4]


def test_many_images_inside_are_looked_at_in_part():
    x = np.random.default_rng(0).normal(size=(300, 2))
    seen = [choose(x, np.tile(UNSURE, (300, 1)), LABELLED, 10, seed, rows=40) for seed in range(2)]
    assert len(set(seen[0])) == 10 and set(seen[0]) != set(seen[1])
    assert len(set(choose(x, np.tile(UNSURE, (300, 1)), LABELLED, 200, rows=40))) == 200
    with pytest.raises(BadParams, match="rows=0"):
        MarginClusterMean(rows=0)
