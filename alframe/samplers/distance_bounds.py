"""Squared distances to the nearest of several centres: cheap upper bounds of many rows, exact values of a few.

The bounds come from matrix products, |x|^2 + |c|^2 - 2 xc around an origin, in float32. The largest possible rounding
error is added to each, so that it is a bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alframe.kit.chunks import row_slices
from alframe.types import Floats, Floats64, Ints, LazyFeatures

CHUNK_ROWS = 1024  # their products with the centres stay in the processor's cache
FIRST_CENTRES = 16  # that every row is measured to
CENTRES_PER_STEP = 64  # measured next, or as many again as a row has been measured to
MIN_MEAN_NORM_RATIO = 0.8  # 0 is the origin unless the centres' mean has more than this part of their mean squared norm
TABLE_CELLS = 2**20  # numbers in a table of distances or differences
INF = np.float32(np.inf)
TINY = float(np.finfo(np.float32).tiny)

Ints32 = npt.NDArray[np.int32]


@dataclass(slots=True)
class UpperBounds:
    """Upper bounds `upper` (n,) of the squared distances of n rows to the nearest of the `centres` (m, D).

    For row i, the distances to the first `measured_counts[i]` centres were measured.
    """

    upper: Floats
    measured_counts: Ints32
    centres: Floats


class Centres:
    """Points (m, D) that distances are measured to, as they are and `centred` around `origin`; more can be added.

    `centred_squared_norms` (m,) are those of the centred points. `capacity` is the largest number of points.
    `relative_error` is the largest rounding error of a squared distance, relative to the sum of the squared norms.
    """

    def __init__(self, points: Floats, origin: Floats | None, capacity: int = 0) -> None:
        self.origin, self._count = origin, 0
        self._points = np.empty((max(capacity, len(points)), points.shape[1]), np.float32)
        self._centred, self._squared_norms = np.empty_like(self._points), np.empty(len(self._points), np.float32)
        # Rounding errors of a sum of D products add up like a random walk; the other steps make a few more.
        self.relative_error = float((np.sqrt(points.shape[1]) + 8) * 2.0**-24)
        self.add_points(points)

    def __len__(self) -> int:
        return self._count

    def add_points(self, points: Floats) -> None:
        """Add one point (D,) or several (p, D)."""
        rows = slice(self._count, self._count + len(np.atleast_2d(points)))
        self._points[rows] = points
        self._centred[rows] = subtract_origin(self._points, rows, self.origin)
        self._squared_norms[rows] = np.vecdot(self._centred[rows], self._centred[rows])
        self._count = rows.stop
        self.points, self.centred = self._points[: rows.stop], self._centred[: rows.stop]
        self.centred_squared_norms = self._squared_norms[: rows.stop]

    def upper_bounds(self, centred_rows: Floats, centred_squared_norms: Floats, centre_slice: slice) -> Floats:
        """Return upper bounds (r,) of the squared distances of centred rows (r, D) to the nearest of some centres."""
        table = centred_rows @ (-2 * self.centred[centre_slice]).T
        table = np.ascontiguousarray(table.T)  # the minimum is found faster along the rows
        table += self.centred_squared_norms[centre_slice, None] * np.float32(1 + self.relative_error)
        upper: Floats = table.min(axis=0)
        upper += centred_squared_norms * np.float32(1 + self.relative_error)
        return np.maximum(upper, 0, out=upper)


def initial_bounds(
    x: Floats | LazyFeatures,
    centres: Floats,
    rows: Ints | None = None,
    checksums: Floats | None = None,
    gpu_faiss: Any | None = None,
) -> UpperBounds:
    """Return bounds of all rows of `x` (n, D), or of `rows`, measured to the first FIRST_CENTRES of `centres` (m, D).

    `gpu_faiss` is a FAISS that has a GPU: with it, all centres are measured. `checksums` is an output array (n,).
    """
    measured_to = Centres(centres, choose_origin(centres))
    index, chunk_rows, count = None, CHUNK_ROWS, min(FIRST_CENTRES, len(centres))
    if gpu_faiss is not None:
        index, chunk_rows, count = gpu_faiss.IndexFlatL2(x.shape[1]), 32 * CHUNK_ROWS, len(centres)
        index.add(measured_to.centred)
        index = gpu_faiss.index_cpu_to_all_gpus(index)
    n = len(x) if rows is None else len(rows)
    upper = np.empty(n, np.float32)
    for chunk in row_slices(n, chunk_rows):
        block = x[chunk if rows is None else rows[chunk]]
        centred = subtract_origin(block, slice(None), measured_to.origin)
        centred_squared_norms = np.vecdot(centred, centred)
        if index is None:
            upper[chunk] = measured_to.upper_bounds(centred, centred_squared_norms, slice(0, count))
        else:
            distances = np.maximum(index.search(centred, 1)[0][:, 0], 0)
            # The nearest centre is no farther from the origin than the row and the distance.
            error = np.float32(measured_to.relative_error)
            upper[chunk] = distances + error * (6 * centred_squared_norms + 4 * distances)
        if checksums is not None:
            checksums[chunk] = _checksum_block(block)
    return UpperBounds(upper, np.full(n, count, np.int32), centres)


def tighten_upper_bounds(
    x: Floats | LazyFeatures, upper: Floats, measured_counts: Ints32, centres: Centres, rows: Ints, threshold: float
) -> None:
    """Measure `rows` of `x` to more centres, a few at a time, until each bound is below `threshold` or exhausted.

    `upper` (n,) and `measured_counts` (n,) are those of an UpperBounds; they are updated in place.
    """
    while len(rows):
        for chunk in split_rows_into_chunks(rows[np.argsort(measured_counts[rows], kind="stable")]):
            centred = subtract_origin(x, chunk, centres.origin)
            start = int(measured_counts[chunk[0]])
            stop = min(start + max(CENTRES_PER_STEP, start), len(centres))
            bounds = centres.upper_bounds(centred, np.vecdot(centred, centred), slice(start, stop))
            upper[chunk] = np.minimum(upper[chunk], bounds)
            measured_counts[chunk] = np.maximum(measured_counts[chunk], stop)
        rows = rows[(upper[rows] >= threshold) & (measured_counts[rows] < len(centres))]


def squared_distances_to_nearest(x: Floats, centres: Centres, centre_counts: Ints | None = None) -> Floats64:
    """Return the squared distances (r,) of `x` (r, D) to the nearest of `centres`, exact to float64.

    With `centre_counts` (r,), row i is measured to the first `centre_counts[i]` centres. Differences are computed only
    for centres that may be the nearest by a matrix product.
    """
    out = np.empty(len(x))
    points, count = centres.points, len(centres)
    for chunk in split_rows_into_chunks(np.arange(len(x)), max(1, TABLE_CELLS // max(1, count))):
        centred = subtract_origin(x, chunk, centres.origin)
        table = np.vecdot(centred, centred)[:, None] + centres.centred_squared_norms
        error = centres.relative_error * table
        table -= 2 * centred @ centres.centred.T
        table -= error  # now lower bounds of the squared distances
        if centre_counts is not None:
            table[np.arange(count) >= centre_counts[chunk, None]] = INF
        rows = np.arange(len(chunk))
        likely_nearest = table.argmin(axis=1)
        out[chunk] = paired_squared_distances(x[chunk], points[likely_nearest])
        limit = table[rows, likely_nearest] + 3 * error[rows, likely_nearest]  # no nearest centre is beyond it
        limit[out[chunk] <= 0] = -INF  # a copy of a centre
        pairs = np.argwhere(table <= limit[:, None])
        for pair_chunk in row_slices(len(pairs), max(1, TABLE_CELLS // x.shape[1])):
            positions, nearest = pairs[pair_chunk].T
            distances = paired_squared_distances(x[chunk[positions]], points[nearest])
            np.minimum.at(out, chunk[positions], distances)
    return out


def choose_origin(centres: Floats) -> Floats | None:
    """Return the point (D,) around which rounding errors are small, or None if 0 is nearly as good."""
    mean = centres.mean(axis=0, dtype=np.float64).astype(np.float32)
    mean_squared_norm = float(np.vecdot(centres, centres).mean(dtype=np.float64))
    return None if float(mean @ mean) < MIN_MEAN_NORM_RATIO * mean_squared_norm else mean


def subtract_origin(x: Floats | LazyFeatures, rows: Ints | slice, origin: Floats | None) -> Floats:
    """Return `rows` of `x`, of any float type, as float32 (r, D) around `origin`."""
    block = x[rows]
    return np.asarray(block, np.float32) if origin is None else np.subtract(block, origin, dtype=np.float32)


def checksum_rows(x: Floats | LazyFeatures) -> Floats:
    """Return the float32 sums (n,) of the rows of `x`, of any float type."""
    out = np.empty(len(x), np.float32)
    for chunk in row_slices(len(x), CHUNK_ROWS):
        out[chunk] = _checksum_block(x[chunk])
    return out


def _checksum_block(block: Floats) -> Floats:
    # einsum gives the same bits for a row wherever it stands, so that the row is recognised by its sum.
    return np.asarray(np.einsum("ij->i", block, dtype=np.float32, casting="same_kind"))


def mean_of_rows(x: Floats | LazyFeatures) -> Floats:
    """Return the mean (D,) of the rows of `x` (n, D), in float32."""
    total = np.zeros(x.shape[1])
    for chunk in row_slices(len(x), CHUNK_ROWS):
        total += np.sum(x[chunk], axis=0, dtype=np.float64)
    return np.asarray(total / len(x), np.float32)


def squared_distances_to(x: Floats | LazyFeatures, point: Floats) -> Floats:
    """Return the squared distances (n,) of the rows of `x` (n, D) to one `point` (D,), by differences."""
    out = np.empty(len(x), np.float32)
    for chunk in row_slices(len(x), CHUNK_ROWS):
        difference = subtract_origin(x, chunk, point)
        np.vecdot(difference, difference, out=out[chunk])
    return out


def paired_squared_distances(x: Floats, points: Floats) -> Floats64:
    """Return the squared distances (n,), in float64, of each of `x` (n, D) to its point of `points` (n or 1, D)."""
    differences = x.astype(np.float64) - points
    return np.asarray(np.vecdot(differences, differences))


def split_rows_into_chunks(rows: Ints, size: int | None = None) -> Iterator[Ints]:
    """Yield chunks of `rows` (r,), of `size` rows or CHUNK_ROWS."""
    return (rows[chunk] for chunk in row_slices(len(rows), size or CHUNK_ROWS))
