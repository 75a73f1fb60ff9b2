"""Parts of a pool, clusters and neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import kmeans_plusplus

from alframe.kit.clustering import (
    _draw_starts,
    cumulative_count,
    kmeans_centres,
    nearest_neighbours,
    pairwise_squared_distances,
    sample_rows,
    unit_vectors,
)


@given(st.lists(st.integers(-2, 4)))
def test_rank_within_counts_the_equal_ones_before(groups):
    expected = [groups[:at].count(one) for at, one in enumerate(groups)]
    assert cumulative_count(np.array(groups, np.int64)).tolist() == expected


@pytest.mark.parametrize(
    ("n", "limit", "k", "size"), [(10, 20, 3, 10), (100, 20, 3, 20), (100, 20, 7, 28), (0, 5, 2, 0)]
)
def test_a_part_of_the_pool_is_large_enough_for_what_is_asked(n, limit, k, size):
    rows = sample_rows(n, limit, k, np.random.default_rng(0))
    assert len(rows) == size == len(set(rows.tolist()))
    assert n < 2 or rows.tolist() != sorted(rows.tolist())


@pytest.mark.parametrize("shift", [0, 1000])
def test_the_nearest_are_those_of_every_distance_also_far_from_the_origin(shift, monkeypatch):
    monkeypatch.setattr("alframe.chunks.ROWS", 7)
    rng = np.random.default_rng(0)
    x, points = (rng.normal(size=(size, 16)).astype(np.float32) + shift for size in (50, 30))
    exact = ((x[:, None].astype(np.float64) - points) ** 2).sum(axis=2)
    distances, rows = nearest_neighbours(x, points, 4)
    np.testing.assert_allclose(distances, np.sort(exact, axis=1)[:, :4], rtol=1e-3)
    np.testing.assert_array_equal(rows, np.argsort(exact, axis=1)[:, :4])
    assert nearest_neighbours(x, points, 99)[1].shape == (50, 30)


def test_squares_are_every_distance():
    x, points = (np.random.default_rng(size).normal(size=(size, 5)).astype(np.float32) for size in (9, 6))
    np.testing.assert_allclose(
        pairwise_squared_distances(x, points), ((x[:, None] - points) ** 2).sum(axis=2), rtol=1e-4, atol=1e-6
    )
    assert (pairwise_squared_distances(x, x) >= 0).all()


def test_kmeans_finds_the_heaps():
    heap = np.repeat([0, 1, 2], [200, 30, 30])
    x = (30 * np.eye(4)[heap] + np.random.default_rng(0).normal(size=(260, 4))).astype(np.float32)
    cluster = nearest_neighbours(x, kmeans_centres(x, 3, np.random.default_rng(0)))[1][:, 0]
    assert len({(a, b) for a, b in zip(heap, cluster, strict=True)}) == 3


@pytest.mark.parametrize("n", [1, 2, 5, 6])
def test_there_are_never_more_clusters_than_images(n):
    x = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)
    assert kmeans_centres(x, 5, np.random.default_rng(0)).shape == (min(n, 5), 3)


def test_kmeans_goes_by_its_generator():
    x = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    first, again, other = (kmeans_centres(x, 9, np.random.default_rng(seed), tries=1) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_kmeans_is_quiet_about_few_images(capfd):
    kmeans_centres(np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32), 10, np.random.default_rng(0))
    assert capfd.readouterr() == ("", "")


def test_rows_have_length_1_and_zeros_stay():
    x = np.array([[3, 4], [0, 0], [1e-20, 0]], np.float32)
    np.testing.assert_allclose(unit_vectors(x), [[0.6, 0.8], [0, 0], [1, 0]], rtol=1e-5)


@pytest.mark.parametrize("is_kept_wide", [True, False])
@pytest.mark.parametrize("is_weighted", [True, False])
def test_k_means_starts_at_the_rows_that_scikit_learn_draws(is_kept_wide, is_weighted, monkeypatch):
    """So campaigns from before go on with the same batches."""
    if not is_kept_wide:
        monkeypatch.setattr("alframe.kit.clustering.MAX_FLOAT64_BYTES", 0)
    monkeypatch.setattr("alframe.chunks.ROWS", 64)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        n, dim = int(rng.integers(2, 300)), int(rng.choice([2, 16, 80]))
        x = (rng.normal(size=(n, dim)) * rng.choice([0.1, 30])).astype(np.float32)
        x[n // 2 :] = x[: n - n // 2]  # also where rows are equal
        weights = rng.random(n).astype(np.float32) if is_weighted else None
        count = int(rng.integers(1, n // 2 + 1))
        expected = kmeans_plusplus(x, count, sample_weight=weights, random_state=seed)[1]
        assert _draw_starts(x, count, weights, seed).tolist() == expected.tolist()
