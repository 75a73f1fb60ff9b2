"""KMeans: the middle of each cluster, unlabelled clusters first."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.errors import BadParams
from alframe.samplers.kmeans import KMeans
from alframe.testing.sampler import SamplerSuite
from alframe.types import Need, PoolView


def heaps(*sizes, spread=0.1, seed=0):
    """Embeddings around the axes, and the axis of each."""
    heap = np.repeat(np.arange(len(sizes)), sizes)
    noise = spread * np.random.default_rng(seed).normal(size=(len(heap), len(sizes)))
    return (np.eye(len(sizes))[heap] + noise).astype(np.float32), heap


def choose(x, k, labelled=None, sequences=None, **params):
    fields = {
        Need.FEATURES: x,
        Need.LABELLED_FEATURES: x[:0] if labelled is None else labelled,
        Need.SEQUENCES: np.full(len(x), -1) if sequences is None else sequences,
    }
    view = PoolView(np.arange(len(x)), fields)
    return KMeans(**params).select(view, k, np.random.default_rng(0)).keys


class TestKMeans(SamplerSuite):
    make = KMeans

    def obvious_choice(self):
        return None  # which cluster is the largest depends on how many there are: see below


def test_the_image_in_the_middle_of_each_cluster():
    x, heap = heaps(30, 30, 30, 30)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    expected = []
    for number in range(4):
        rows = np.flatnonzero(heap == number)
        expected.append(rows[np.linalg.norm(unit[rows] - unit[rows].mean(axis=0), axis=1).argmin()])
    assert sorted(choose(x, 4).tolist()) == sorted(expected)


def test_clusters_with_a_label_come_last_and_large_ones_first():
    x, heap = heaps(50, 40, 30, 20)
    labelled, _ = heaps(1, 0, 0, 0)
    assert heap[choose(x, 3, labelled)].tolist() == [1, 2, 3]


def test_with_few_clusters_it_goes_round_them():
    x, heap = heaps(30, 20, 10)
    assert heap[choose(x, 9, clusters=3)].tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2]


def test_a_long_burst_counts_once():
    """The burst is 200 images around one axis, in two poses, and would be two of three clusters by its number."""
    burst = heaps(100, 100, 0, 0, spread=0.01)[0] + np.array([1, 1, 0, 0])
    others, heap = heaps(0, 0, 5, 5, spread=0.01)
    x = np.concatenate([burst, others]).astype(np.float32)
    sequences = np.r_[np.zeros(200, int), 1 + np.arange(10)]
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(x))
        chosen = order[choose(x[order], 3, sequences=sequences[order])]
        assert sorted(np.r_[np.zeros(200, int), 1 + heap][chosen].tolist()) == [0, 3, 4]


def test_the_image_nearest_to_the_mean_stands_for_a_sequence():
    angle = np.array([0.0, 0.1, 0.3, 1.5])
    x = np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)
    assert sorted(choose(x, 2, sequences=np.array([7, 7, 7, -1])).tolist()) == [1, 3]


def test_with_fewer_sequences_than_images_wanted_each_image_counts():
    x, heap = heaps(30, 20, 10)
    assert choose(x, 9, sequences=heap, clusters=3).tolist() == choose(x, 9, clusters=3).tolist()


@pytest.mark.parametrize("bad", [{"clusters": 0}, {"rows": 0}])
def test_parameters_that_cannot_be(bad):
    with pytest.raises(BadParams, match=f"kmeans.*{next(iter(bad))}"):
        KMeans(**bad)
