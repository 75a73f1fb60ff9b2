"""Squared distances to the nearest of some centres: upper bounds in bulk, and exact ones of a few rows.

Those in bulk come from matrix products, |x|^2 + |c|^2 - 2 xc around an origin, in float32. Each is raised by what
rounding may have taken off it, so that it is a bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alframe.types import Floats, Ints, LazyFeatures

CHUNK_ROWS = 1024  # of the pool at a time: their products with the centres stay in the processor's cache
FIRST = 16  # centres that every row is measured to
CENTRES = 64  # more, at a time, or as many again as a row has been measured to
NEAR = 0.8  # of the centres' mean square: that of their mean is less, if 0 is to be the origin
PAIRS = 2**20  # numbers in a table of distances or differences
INF = np.float32(np.inf)

Floats64 = npt.NDArray[np.float64]


@dataclass(slots=True)
class Bounds:
    """Upper bounds (n,) of the squared distances of rows to the nearest of the first `seen` of `centres` (m, D)."""

    upper: Floats
    seen: npt.NDArray[np.int32]
    centres: Floats


class Centres:
    """Centres as they are and around an origin, and how far off (relative to the norms) a product with them may be."""

    def __init__(self, raw: Floats, origin: Floats | None, room: int = 0) -> None:
        self.origin, self._count = origin, 0
        self._raw = np.empty((max(room, len(raw)), raw.shape[1]), np.float32)
        self._centred, self._norms = np.empty_like(self._raw), np.empty(len(self._raw), np.float32)
        # Rounding errors of a sum of D products add up like a random walk; the other steps make a few more.
        self.error = float((np.sqrt(raw.shape[1]) + 8) * 2.0**-24)
        self.add(raw)

    def add(self, raw: Floats) -> None:
        rows = slice(self._count, self._count + len(np.atleast_2d(raw)))
        self._raw[rows] = raw
        self._centred[rows] = centred(self._raw, rows, self.origin)
        self._norms[rows] = np.vecdot(self._centred[rows], self._centred[rows])
        self._count = rows.stop

    def __len__(self) -> int:
        return self._count

    @property
    def raw(self) -> Floats:
        return self._raw[: self._count]

    @property
    def centred(self) -> Floats:
        return self._centred[: self._count]

    @property
    def norms(self) -> Floats:
        return self._norms[: self._count]

    def bounds(self, block: Floats, norms: Floats, some: slice) -> Floats:
        """(r,) upper bounds of the squared distances of centred rows (r, D) to the nearest of some centres."""
        part = slice(some.start, min(some.stop, self._count))
        table = block @ (-2 * self._centred[part]).T
        table = np.ascontiguousarray(table.T)  # the minimum is found faster along the rows
        table += self._norms[part, None] * np.float32(1 + self.error)
        found: Floats = table.min(axis=0)
        found += norms * np.float32(1 + self.error)
        return np.maximum(found, 0, out=found)


def first_distances(
    x: Floats | LazyFeatures, centres: Floats, rows: Ints | None = None, sums: Floats | None = None
) -> Bounds:
    """Bounds of rows of `x` (all) by the first few of `centres` (m, D); `sums` (n,) is filled with the rows' sums."""
    kept = Centres(centres, origin_of(centres))
    some = slice(0, FIRST)
    n = len(x) if rows is None else len(rows)
    upper = np.empty(n, np.float32)
    for start in range(0, n, CHUNK_ROWS):
        part = slice(start, start + CHUNK_ROWS)
        raw = x[part if rows is None else rows[part]]
        block = centred(raw, slice(None), kept.origin)
        upper[part] = kept.bounds(block, np.vecdot(block, block), some)
        if sums is not None:
            sums[part] = _sums(raw)
    return Bounds(upper, np.full(n, min(FIRST, len(centres)), np.int32), centres)


def exact(x: Floats, centres: Centres, upto: Ints | None = None) -> Floats64:
    """(r,) squared distances of `x` (r, D) to the nearest of `centres`, or of the first `upto` (r,) of them.

    By differences in float64, of those centres only that a matrix product cannot rule out.
    """
    out = np.empty(len(x))
    raw, count = centres.raw, len(centres)
    for part in parts(np.arange(len(x)), max(1, PAIRS // max(1, count))):
        block = centred(x, part, centres.origin)
        table = np.vecdot(block, block)[:, None] + centres.norms
        off = centres.error * table
        table -= 2 * block @ centres.centred.T
        table -= off  # what the distances are at least
        if upto is not None:
            table[np.arange(count) >= upto[part, None]] = INF
        rows = np.arange(len(part))
        first = table.argmin(axis=1)
        out[part] = squares(x[part], raw[first])
        reach = table[rows, first] + 3 * off[rows, first]  # what the first's distance is at most
        reach[out[part] <= 0] = -INF  # a copy of a centre
        pairs = np.argwhere(table <= reach[:, None])
        step = max(1, PAIRS // x.shape[1])
        for start in range(0, len(pairs), step):
            places, which = pairs[start : start + step].T
            np.minimum.at(out, part[places], squares(x[part[places]], raw[which]))
    return out


def fold(
    x: Floats | LazyFeatures, upper: Floats, seen: npt.NDArray[np.int32], centres: Centres, rows: Ints, threshold: float
) -> None:
    """Bring `upper` up to date, a few centres at a time, each row until it is known to be below the threshold."""
    while len(rows):
        for part in parts(rows[np.argsort(seen[rows], kind="stable")]):
            block = centred(x, part, centres.origin)
            start = int(seen[part[0]])
            stop = min(start + max(CENTRES, start), len(centres))
            found = centres.bounds(block, np.vecdot(block, block), slice(start, stop))
            upper[part] = np.minimum(upper[part], found)
            seen[part] = np.maximum(seen[part], stop)
        rows = rows[(upper[rows] >= threshold) & (seen[rows] < len(centres))]


def gpu_distances(
    faiss: Any, x: Floats | LazyFeatures, centres: Floats, rows: Ints | None = None, sums: Floats | None = None
) -> Bounds:
    """As `first_distances`, but by all of the centres, which a GPU makes light of: an exact FAISS index."""
    kept = Centres(centres, origin_of(centres))
    index = faiss.IndexFlatL2(x.shape[1])
    index.add(kept.centred)
    index = faiss.index_cpu_to_all_gpus(index)
    every = np.arange(len(x)) if rows is None else rows
    upper = np.empty(len(every), np.float32)
    for part in parts(np.arange(len(every)), 32 * CHUNK_ROWS):
        raw = x[every[part]]
        block = centred(raw, slice(None), kept.origin)
        found = np.maximum(index.search(block, 1)[0][:, 0], 0)
        # The nearest centre is no farther from the origin than the row and the distance.
        upper[part] = found + np.float32(kept.error) * (6 * np.vecdot(block, block) + 4 * found)
        if sums is not None:
            sums[part] = _sums(raw)
    return Bounds(upper, np.full(len(every), len(centres), np.int32), centres)


def origin_of(centres: Floats) -> Floats | None:
    """The point (D,) around which rounding is least; None for 0, which is taken where it is nearly as good."""
    mean = centres.mean(axis=0, dtype=np.float64).astype(np.float32)
    square = float(np.vecdot(centres, centres).mean(dtype=np.float64))
    return None if float(mean @ mean) < NEAR * square else mean


def centred(x: Floats | LazyFeatures, rows: Ints | slice, origin: Floats | None) -> Floats:
    """Rows of `x`, of any float type, as float32 around the origin."""
    block = x[rows]
    return np.asarray(block, np.float32) if origin is None else np.subtract(block, origin, dtype=np.float32)


def row_sums(x: Floats | LazyFeatures) -> Floats:
    """(n,) sums of the rows of `x`, of any float type, in float32."""
    out = np.empty(len(x), np.float32)
    for start in range(0, len(x), CHUNK_ROWS):
        out[start : start + CHUNK_ROWS] = _sums(x[start : start + CHUNK_ROWS])
    return out


def _sums(block: Floats) -> Floats:
    # The same bits for a row wherever it stands: by them it is known again.
    return np.asarray(np.einsum("ij->i", block, dtype=np.float32, casting="same_kind"))


def mean_row(x: Floats | LazyFeatures) -> Floats:
    """(D,) the mean of the rows of `x`, in float32."""
    total = np.zeros(x.shape[1])
    for start in range(0, len(x), CHUNK_ROWS):
        total += np.sum(x[start : start + CHUNK_ROWS], axis=0, dtype=np.float64)
    return np.asarray(total / len(x), np.float32)


def squared_distances(x: Floats | LazyFeatures, centre: Floats) -> Floats:
    """(n,) squared Euclidean distances from rows of `x` (n, D) to `centre` (D,), by differences: nothing cancels."""
    out = np.empty(len(x), np.float32)
    for start in range(0, len(x), CHUNK_ROWS):
        difference = centred(x, slice(start, start + CHUNK_ROWS), centre)
        np.vecdot(difference, difference, out=out[start : start + CHUNK_ROWS])
    return out


def squares(x: Floats, centres: Floats) -> Floats64:
    """(n,) squared distances of `x` (n, D) to `centres`, row by row or to the only one; exact to float64."""
    differences = x.astype(np.float64) - centres
    return np.asarray(np.vecdot(differences, differences))


def parts(rows: Ints, size: int = 0) -> Iterator[Ints]:
    """`rows` so many at a time."""
    size = size or CHUNK_ROWS
    return (rows[start : start + size] for start in range(0, len(rows), size))
