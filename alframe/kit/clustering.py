"""Compute k-means, nearest neighbours and distances of embeddings, in chunks."""

from __future__ import annotations

import numpy as np

from alframe.chunks import row_slices
from alframe.compat import import_faiss
from alframe.kit.scoring import require_measurable
from alframe.progress import track
from alframe.types import Floats, Floats64, Ints, LazyFeatures, PoolView

MAX_ROWS_PER_CLUSTER = 256  # rows that a centre is fitted on, at most
MAX_STEPS = 20
CONVERGED_RATIO = 0.999  # k-means stops once a step leaves more than this fraction of the squared distances
MAX_FLOAT64_BYTES = 2**28  # of rows that are kept as float64 while starts are drawn; more are turned into it each time
MIN_SAMPLE_ROWS_PER_PICK = 4  # rows in a sample of the pool for each requested image, at least


def unit_vectors(x: Floats) -> Floats:
    """Return a float32 copy of `x` (n, D) with each row scaled to length 1; rows of zeros stay zero."""
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.where(lengths > 0, lengths, 1), np.float32)


def sample_rows(n: int, limit: int, k: int, rng: np.random.Generator) -> Ints:
    """Return row numbers from 0..n-1 in random order: all of them, or only max(`limit`, 4 k) if n is larger than that.

    The order is random so that the first images of a folder have no advantage among images with equal scores.
    """
    return rng.permutation(n)[: max(limit, MIN_SAMPLE_ROWS_PER_PICK * k)]


def kmeans_centres(
    x: Floats | LazyFeatures, clusters: int, rng: np.random.Generator, tries: int = 3, weights: Floats | None = None
) -> Floats:
    """Return the k-means centres (c, D) of `x` (n, D), c <= `clusters`, fitted by FAISS.

    The result is the best of `tries` fits, each on at most 256 c rows. The fits start by k-means++ (Arthur and
    Vassilvitskii 2007). If they started from random rows, they would often miss small dense clusters, such as a rare
    species. `weights` (n,) says how much each row counts; with None, all count the same. Raises UnmetNeed for rows that
    are not finite.
    """
    count = min(clusters, len(x))
    if count == len(x):
        return np.array(x[:], np.float32)
    rows = np.sort(rng.permutation(len(x))[: MAX_ROWS_PER_CLUSTER * count])
    sample = np.ascontiguousarray(x[rows], np.float32)
    require_measurable(sample, "embeddings", "images looked at")
    sample_weights = None if weights is None else np.ascontiguousarray(weights[rows], np.float32)
    # No warning about few rows for a cluster: with the few labels of an early round that is how it must be.
    limits = {"min_points_per_centroid": 1, "max_points_per_centroid": len(sample)}
    fits = []
    for _ in range(tries):
        model = import_faiss().Kmeans(x.shape[1], count, niter=1, **limits)
        start = sample[_draw_starts(sample, count, sample_weights, int(rng.integers(2**31)))]
        model.centroids, previous_loss = start, np.inf
        for _ in track(range(MAX_STEPS), "Clustering", unit="step"):
            model.train(sample, weights=sample_weights, init_centroids=model.centroids)
            if model.obj[-1] >= CONVERGED_RATIO * previous_loss:
                break
            previous_loss = float(model.obj[-1])
        fits.append((float(model.obj[-1]), model.centroids))
    return np.array(min(fits, key=lambda fit: fit[0])[1])


def _draw_starts(x: Floats, count: int, weights: Floats | None, seed: int) -> Ints:
    """Return `count` rows of `x` (n, D) to start k-means at, drawn by greedy k-means++ (Arthur and Vassilvitskii 2007).

    These are the rows that scikit-learn's `kmeans_plusplus` draws from this seed. It takes three times as long, because
    it turns all rows into float64 again for each centre.
    """
    random, weights = np.random.RandomState(seed), np.ones(len(x), np.float32) if weights is None else weights
    blocks = list(row_slices(len(x), bytes_per_row=8 * x.shape[1]))
    wide = [x[rows].astype(np.float64) for rows in blocks] if 2 * x.nbytes <= MAX_FLOAT64_BYTES else None
    lengths = np.concatenate([_squared_lengths(x[rows].astype(np.float64)) for rows in blocks])

    def squared_distances(drawn: Ints) -> Floats:
        points, out = x[drawn].astype(np.float64), np.empty((len(drawn), len(x)), np.float32)
        for number, rows in enumerate(blocks):
            products = points @ (x[rows].astype(np.float64) if wide is None else wide[number]).T
            out[:, rows] = -2 * products + _squared_lengths(points)[:, None] + lengths[rows]
        return np.maximum(out, 0, out=out)

    drawn = [int(random.choice(len(x), p=weights / weights.sum()))]
    closest = squared_distances(np.array(drawn))
    loss = closest @ weights
    for _ in range(1, count):
        thresholds = random.uniform(size=2 + int(np.log(count))) * loss
        candidates = np.searchsorted(np.cumsum(weights * closest), thresholds)
        candidates = np.minimum(candidates, len(x) - 1)  # a rounding error may lead beyond the last row
        distances = np.minimum(closest, squared_distances(candidates))
        losses = distances @ weights[:, None]
        best = np.argmin(losses)
        drawn.append(int(candidates[best]))
        loss, closest = losses[best], distances[best]
    return np.array(drawn)


def _squared_lengths(x: Floats64) -> Floats64:
    return np.asarray(np.einsum("nd,nd->n", x, x))


def kmeans_over_pool_and_labelled(
    view: PoolView, k: int, clusters: int, limit: int, rng: np.random.Generator
) -> tuple[Ints, Floats, Floats]:
    """Cluster the pool together with the m labelled images by k-means, into min(m + k, `clusters`) clusters.

    Return three arrays: the row numbers (r,) of the clustered images of the pool, as from `sample_rows`; the embeddings
    (r + m, D) of these images and then of at most `limit` labelled images, scaled to length 1; and the centres (c, D).
    """
    rows, labelled = sample_rows(len(view), limit, k, rng), view.labelled_features
    x = unit_vectors(np.concatenate([view.lazy_features[rows], labelled[sample_rows(len(labelled), limit, 0, rng)]]))
    return rows, x, kmeans_centres(x, min(len(labelled) + k, clusters), rng)


def nearest_neighbours(x: Floats | LazyFeatures, points: Floats, count: int = 1) -> tuple[Floats, Ints]:
    """Return the squared distances (n, count) and indices (n, count) of the nearest `points` (m, D) to rows of `x`.

    The result is exact, and the nearest point is first. `x` (n, D) may be memory-mapped. If there are fewer points than
    `count`, all are returned. Raises UnmetNeed for rows or points that are not finite.
    """
    require_measurable(points, "coordinates", "points")
    count = min(count, len(points))
    origin = points.mean(axis=0, dtype=np.float64).astype(np.float32)  # around it, rounding errors are small
    index = import_faiss().IndexFlatL2(points.shape[1])
    index.add(np.ascontiguousarray(points - origin, np.float32))
    distances, neighbours = np.empty((len(x), count), np.float32), np.empty((len(x), count), np.int64)
    for rows in track(row_slices(len(x)), "Comparing embeddings", unit="chunk"):
        block = np.ascontiguousarray(x[rows] - origin, np.float32)
        require_measurable(block, "embeddings")
        distances[rows], neighbours[rows] = index.search(block, count)
    return np.maximum(distances, 0, out=distances), neighbours


def pairwise_squared_distances(x: Floats, points: Floats) -> Floats:
    """Return the squared distances (n, m) from rows of `x` (n, D) to `points` (m, D). No distance is below 0."""
    table = (x**2).sum(axis=1)[:, None] + (points**2).sum(axis=1) - 2 * x @ points.T
    return np.asarray(np.maximum(table, 0, out=table), np.float32)


def cumulative_count(groups: Ints) -> Ints:
    """Return, for each entry of `groups` (n,), how many earlier entries are equal to it (n,)."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(groups) else order
    ranks = np.empty(len(groups), np.int64)
    ranks[order] = np.arange(len(groups)) - np.repeat(starts, np.diff(np.r_[starts, len(groups)]))
    return ranks
