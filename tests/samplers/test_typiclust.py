"""TypiClust: which clusters, and which image of each."""

from __future__ import annotations

import numpy as np
import pytest
import skactiveml.pool

from alframe.errors import BadParams, UnmetNeed
from alframe.samplers.typiclust import TypiClust, typicality
from alframe.testing.sampler import SamplerSuite, assert_valid_selection, tiny_keys
from alframe.types import Need, PoolView


def heaps(*sizes, spread=0.1, seed=0):
    """Embeddings around the axes, and the axis of each."""
    heap = np.repeat(np.arange(len(sizes)), sizes)
    noise = spread * np.random.default_rng(seed).normal(size=(len(heap), len(sizes)))
    return (np.eye(len(sizes))[heap] + noise).astype(np.float32), heap


def view_of(x, labelled=None, keys=None):
    labelled = x[:0] if labelled is None else labelled
    return PoolView(tiny_keys(len(x)) if keys is None else keys, {Need.FEATURES: x, Need.LABELLED_FEATURES: labelled})


def rows_of(view, chosen):
    return [view.keys.tolist().index(id_) for id_ in chosen.keys.tolist()]


def choose(view, k, seed=0, **params):
    return rows_of(view, TypiClust(**params).select(view, k, np.random.default_rng(seed)))


class TestTypiClust(SamplerSuite):
    make = TypiClust

    def obvious_choice(self):
        around = 0.1 * np.concatenate([np.eye(8)[1:7], -np.eye(8)[1:7]])
        largest = np.eye(8)[0] + np.insert(around, 7, 0, axis=0)  # row 7 is in its middle
        others = np.repeat(np.eye(8)[[3, 7]], 7, axis=0) + 0.05 * np.random.default_rng(0).normal(size=(14, 8))
        return view_of(np.concatenate([largest, others]).astype(np.float32)), int(tiny_keys(27)[7])


def by_hand(x):
    out = []
    for row in range(len(x)):
        distances = sorted(np.linalg.norm(np.delete(x, row, axis=0) - x[row], axis=1))
        out.append(1 / np.mean(distances[: min(20, len(x) // 2)]))
    return out


@pytest.mark.parametrize("n", [3, 17, 60])
def test_typicality_by_hand(n):
    x = np.random.default_rng(n).normal(size=(n, 4)).astype(np.float32)
    np.testing.assert_allclose(typicality(x), by_hand(x.astype(np.float64)), rtol=1e-3)


def test_the_largest_clusters_without_a_label_come_first_and_their_most_typical_image():
    x, heap = heaps(50, 40, 30, 20)
    labelled, _ = heaps(1, 0, 0, 0)  # the largest has its label
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    expected = []
    for number in (1, 2, 3):
        rows = np.flatnonzero(heap == number)
        expected.append(rows[np.argmax(by_hand(unit[rows].astype(np.float64)))])
    assert choose(view_of(x, labelled), 3) == expected


def test_an_outlier_is_no_cluster():
    x, _ = heaps(30, 30, 30)
    x[4] = [-9, -9, -9]  # in a cluster of its own, of the four that are made
    assert 4 not in choose(view_of(x), 4)


def test_with_few_clusters_it_goes_round_them():
    x, heap = heaps(30, 20, 10)
    chosen = choose(view_of(x), 9, clusters=3)
    assert heap[chosen].tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2]


def test_the_whole_pool_can_be_asked_for():
    x, _ = heaps(20, 8, 3)
    view = view_of(x)
    assert_valid_selection(TypiClust(clusters=5).select(view, 31, np.random.default_rng(0)), view, 31)


def test_a_large_pool_is_looked_at_in_part():
    view = view_of(heaps(200, 200)[0])
    chosen = [choose(view, 5, seed, rows=40) for seed in range(2)]
    assert len(set(chosen[0])) == 5 and chosen[0] != chosen[1]
    assert len(set(choose(view, 350, rows=40))) == 350


def test_bad_input_is_refused():
    with pytest.raises(BadParams, match="clusters=0"):
        TypiClust(clusters=0)
    x, _ = heaps(6, 6)
    x[3] = np.nan
    with pytest.raises(UnmetNeed, match="1 of 12 images looked at"):
        choose(view_of(x), 3)


def test_the_same_images_as_scikit_activeml():
    x, _ = heaps(70, 60, 50, 45)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = np.full(len(x), np.nan)
    y[0] = 0
    theirs = skactiveml.pool.TypiClust(random_state=0, k=20).query(x, y, batch_size=3)
    assert choose(view_of(x[1:], x[:1]), 3) == (theirs - 1).tolist()
