"""What samplers that look at embeddings share: a bounded part of the pool, clusters, nearest neighbours."""

from __future__ import annotations

import numpy as np

from alframe.compat import import_faiss
from alframe.kit.scoring import require_finite
from alframe.kit.vectors import unit_vectors
from alframe.progress import track
from alframe.types import Floats, Ints, LazyFeatures, PoolView

ROWS = 4096  # of the pool at a time, so that a memory-mapped pool is never copied whole
PER_CLUSTER = 256  # rows that its centre is found from, at most
STEPS = 20
SETTLED = 0.999  # of the spread within clusters left by a step: then another is not worth it
WANTED = 4  # a part of the pool holds at least so many images for each one asked for


def some_rows(n: int, limit: int, k: int, rng: np.random.Generator) -> Ints:
    """Row numbers 0..n-1 in random order; of more than `limit` only so many, or 4 k where that is more.

    In random order, equal rows are not settled in favour of the first of a folder.
    """
    return rng.permutation(n)[: max(limit, WANTED * k)]


def kmeans(
    x: Floats | LazyFeatures, clusters: int, rng: np.random.Generator, tries: int = 3, weights: Floats | None = None
) -> Floats:
    """(c, D) centres, c <= `clusters`, of `x` (n, D), by FAISS: the best of some tries, each on 256 c rows at most.

    `weights` (n,) says how much each row counts; None: all the same.
    """
    count = min(clusters, len(x))
    if count == len(x):
        return np.array(x[:], np.float32)
    rows = np.sort(rng.permutation(len(x))[: PER_CLUSTER * count])
    some = np.ascontiguousarray(x[rows], np.float32)
    weight = None if weights is None else np.ascontiguousarray(weights[rows], np.float32)
    # No warning about few rows for a cluster: with the few labels of an early round that is how it must be.
    bounds = {"min_points_per_centroid": 1, "max_points_per_centroid": len(some)}
    found = []
    for _ in range(tries):
        model = import_faiss().Kmeans(x.shape[1], count, niter=1, seed=int(rng.integers(2**31)), **bounds)
        model.centroids, before = None, np.inf
        for _ in track(range(STEPS), "Clustering", unit="step"):
            model.train(some, weights=weight, init_centroids=model.centroids)
            if model.obj[-1] >= SETTLED * before:
                break
            before = float(model.obj[-1])
        found.append((float(model.obj[-1]), model.centroids))
    return np.array(min(found, key=lambda one: one[0])[1])


def clustered(
    view: PoolView, k: int, clusters: int, limit: int, sampler: str, rng: np.random.Generator
) -> tuple[Ints, Floats, Floats]:
    """k-means of the pool and the labelled (m) into as many clusters as there will be labels, at most `clusters`.

    The numbers (r,) of the rows that are looked at, as `some_rows` has it; their embeddings of length 1 with those of
    the labelled after them, (r + m, D), of these no more than `limit`; and the centres (c, D).
    """
    rows, labelled = some_rows(len(view), limit, k, rng), view.labelled_features
    x = np.concatenate([view.lazy_features[rows], labelled[some_rows(len(labelled), limit, 0, rng)]])
    require_finite(x.sum(axis=1), sampler, "embeddings", "images looked at")
    x = unit_vectors(x)
    return rows, x, kmeans(x, min(len(labelled) + k, clusters), rng)


def nearest(x: Floats | LazyFeatures, points: Floats, count: int = 1) -> tuple[Floats, Ints]:
    """The `count` nearest of `points` (m, D) to a row of `x` (n, D), exact: squared distances, (n, count), and rows."""
    count = min(count, len(points))
    origin = points.mean(axis=0, dtype=np.float64).astype(np.float32)  # around it, norms lose little
    index = import_faiss().IndexFlatL2(points.shape[1])
    index.add(np.ascontiguousarray(points - origin, np.float32))
    squares, rows = np.empty((len(x), count), np.float32), np.empty((len(x), count), np.int64)
    for start in track(range(0, len(x), ROWS), "Comparing embeddings", unit="part"):
        part = slice(start, start + ROWS)
        squares[part], rows[part] = index.search(np.ascontiguousarray(x[part] - origin, np.float32), count)
    return np.maximum(squares, 0, out=squares), rows


def squares(x: Floats, points: Floats) -> Floats:
    """(n, m) squared distances of the rows of `x` (n, D) to `points` (m, D), none below 0."""
    table = (x**2).sum(axis=1)[:, None] + (points**2).sum(axis=1) - 2 * x @ points.T
    return np.asarray(np.maximum(table, 0, out=table), np.float32)


def rank_within(groups: Ints) -> Ints:
    """(n,) how many earlier entries of `groups` (n,) are equal to each."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(groups) else order
    ranks = np.empty(len(groups), np.int64)
    ranks[order] = np.arange(len(groups)) - np.repeat(starts, np.diff(np.r_[starts, len(groups)]))
    return ranks
