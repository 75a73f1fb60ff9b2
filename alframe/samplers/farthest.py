"""The row farthest from all centres, again and again: exact, without measuring most distances.

A row's distance to its nearest centre only falls as centres are added, so what was measured to a part of them is an
upper bound. Rows whose bound is small are left alone; those that could be the farthest are brought up to date, some
centres at a time, and left as soon as they fall behind.

Squared distances come from matrix products, |x|^2 + |c|^2 - 2 xc around an origin, in float32. Each bound is raised by
what rounding may have taken off it, so that it holds; where two rows are nearer to each other than that, they are
measured again by differences in float64. So the choice does not depend on what was measured before, or in which order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alframe.types import Floats, Ints

ROWS = 512  # of the pool at a time: their products with the centres stay in the processor's cache
FIRST = 32  # centres that every row is measured to
CENTRES = 64  # more, at a time
ACTIVE = 2048  # rows that are kept up to date; the rest only when it may matter
TINY = float(np.finfo(np.float32).tiny)
INF = np.float32(np.inf)
CHOSEN = -1.0  # in place of a distance: below every one
PAIRS = 2**20  # numbers in a table of distances or differences

Floats64 = npt.NDArray[np.float64]


@dataclass(slots=True)
class Bounds:
    """Upper bounds (n,) of the squared distances of rows to the nearest of the first `seen` of `centres` (m, D)."""

    upper: Floats
    seen: npt.NDArray[np.int32]
    centres: Floats


class Known:
    """What was measured to the labelled images in earlier rounds, by the image's id.

    It counts for an image only while its embedding has the same sum, and at all only while every labelled embedding is
    there unchanged: not after the backbone has been trained, nor after a label was withdrawn.
    """

    def __init__(self) -> None:
        self._ids = np.empty(0, np.int64)  # sorted
        self._sums = np.empty(0, np.float32)
        self._upper = np.empty(0, np.float32)
        self._seen = np.empty(0, np.int32)
        self._centres = np.empty((0, 0), np.float32)

    def recall(self, ids: Ints, sums: Floats, x: Floats, labelled: Floats, gpu: Any | None) -> Bounds:
        """Bounds of the rows `x` (n, D), whose ids and sums are given; what is not known is measured."""
        old = {row.tobytes() for row in self._centres}
        new = {row.tobytes(): row for row in labelled}  # each once
        if not old or not old <= new.keys():
            self._ids = self._ids[:0]
            return _measure(x, _spread(np.array(list(new.values()))), gpu)
        more = [row for content, row in new.items() if content not in old]
        centres = np.concatenate([self._centres, np.reshape(more, (-1, labelled.shape[1])).astype(np.float32)])
        places = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        known = (self._ids[places] == ids) & (self._sums[places] == sums)
        bounds = Bounds(self._upper[places], self._seen[places], centres)
        new_rows = np.flatnonzero(~known)
        if len(new_rows):
            found = _measure(x, centres, gpu, new_rows)
            bounds.upper[new_rows], bounds.seen[new_rows] = found.upper, found.seen
        return bounds

    def keep(self, ids: Ints, sums: Floats, bounds: Bounds) -> None:
        """Remember these, beside those of images that are not among `ids`."""
        others = ~np.isin(self._ids, ids)
        every = np.concatenate([ids, self._ids[others]])
        order = np.argsort(every)
        self._ids = every[order]
        self._sums = np.concatenate([sums, self._sums[others]])[order]
        self._upper = np.concatenate([bounds.upper, self._upper[others]])[order]
        self._seen = np.concatenate([bounds.seen, self._seen[others]])[order]
        self._centres = bounds.centres


class Pool:
    """Rows `x` (n, D), memory-mapped or not, and what is `known` of their distances to the first centres."""

    def __init__(self, x: Floats, known: Bounds) -> None:
        self._x, self._known = x, known
        self._origin = known.centres.mean(axis=0, dtype=np.float64).astype(np.float32)
        self._upper = known.upper.copy()  # to the chosen as well
        self._seen = np.zeros(len(x), np.int32)  # how many of the chosen
        self._first = Centres(known.centres, self._origin, len(known.centres))
        self._chosen: list[int] = []
        # Rows that are up to date: between which bounds each is, and their coordinates and norms around the origin.
        self._rows = np.empty(0, np.int64)
        self._high = self._low = np.empty(0, np.float64)
        self._block, self._norms = np.empty((0, x.shape[1]), np.float32), np.empty(0, np.float32)

    def farthest_first(self, k: int, taken: Sequence[int] = ()) -> tuple[Ints, Floats]:
        """The greedy choice of k rows, none of those `taken`, and their squared distances then; ties: the first row."""
        self._upper[list(taken)] = CHOSEN
        self._picks = Centres(self._first.raw[:0], self._origin, k)
        outside = np.inf
        while len(self._chosen) < k:
            floor = self._low.max(initial=CHOSEN)
            if floor < outside:
                outside = self._refill()
                if not len(self._rows):
                    self._choose_among_copies(k)
                    break
            else:
                self._choose(floor)
        every = np.concatenate([self._first.raw, self._picks.raw])
        upto = len(self._first.raw) + np.arange(len(self._chosen))
        return np.array(self._chosen, np.int64), exact(self._picks.raw, Centres(every, self._origin), upto)

    def _choose(self, floor: float) -> None:
        near = np.flatnonzero(self._high >= floor)
        doubtful = near[self._low[near] < self._high[near]]
        if len(near) > 1 and len(doubtful):
            found = self._exact(self._rows[doubtful])
            self._high[doubtful] = self._low[doubtful] = found
        best = near[self._high[near] == self._high[near].max()]
        place = int(best[self._rows[best].argmin()])
        self._add(int(self._rows[place]))
        both = self._norms + self._norms[place]
        products = self._block @ (-2 * self._block[place])
        np.minimum(self._high, np.maximum(both * (1 + self._first.error) + products, 0), out=self._high)
        np.minimum(self._low, both * (1 - self._first.error) + products, out=self._low)
        self._high[place] = self._low[place] = CHOSEN

    def _add(self, row: int) -> None:
        self._chosen.append(row)
        self._picks.add(np.asarray(self._x[row], np.float32))

    def _exact(self, rows: Ints) -> Floats64:
        x = np.asarray(self._x[rows], np.float32)
        found = exact(x, self._first)
        return np.minimum(found, exact(x, self._picks)) if self._chosen else found

    def _choose_among_copies(self, k: int) -> None:
        """When all that is left is nearer to a centre than a product can tell: by differences, row by row."""
        rows = np.flatnonzero(self._upper > CHOSEN)
        values = np.zeros(len(rows))
        for part in _parts(np.flatnonzero(self._upper[rows] > 0)):
            values[part] = self._exact(rows[part])
        while len(self._chosen) < k:
            place = int(values.argmax())
            self._add(int(rows[place]))
            if values[place] > 0:
                for part in _parts(np.flatnonzero(values > 0)):
                    values[part] = np.minimum(values[part], _squares(self._x[rows[part]], self._picks.raw[-1:]))
            values[place] = CHOSEN

    def _refill(self) -> float:
        """Bring up to date the rows among which the farthest of all is; the bound of all others.

        No row, if none is surely farther from the centres than 0.
        """
        # Whoever is rounded to the nearest float32 must not fall below what it was.
        self._upper[self._rows] = np.where(self._high > 0, np.nextafter(self._high.astype(np.float32), INF), self._high)
        self._seen[self._rows] = len(self._chosen)
        rows = self._rows[:0]
        while True:
            # A few more at a time: most of those that may be far are not.
            threshold = max(_rank(self._upper, len(rows) + max(ACTIVE, len(self._upper) // 128)), TINY)
            self._update(np.flatnonzero(self._upper >= threshold), threshold)
            rows = np.flatnonzero(self._upper >= threshold)
            floor = CHOSEN
            if len(rows):
                floor = float(self._interval(rows[[self._upper[rows].argmax()]])[0][0])
            if floor >= threshold or threshold <= TINY or 0 >= floor > CHOSEN:
                break
        if not len(rows) or floor <= 0:
            self._rows = rows[:0]
            return CHOSEN
        if len(rows) > 2 * ACTIVE:
            rows = rows[self._upper[rows] >= min(floor, _rank(self._upper[rows], ACTIVE))]
        self._rows, self._high = rows, self._upper[rows].astype(np.float64)
        self._low, self._block, self._norms = self._interval(rows)
        others = self._upper.copy()
        others[rows] = CHOSEN
        return float(others.max())

    def _interval(self, rows: Ints) -> tuple[Floats64, Floats, Floats]:
        # What the distances of up-to-date rows are at least, their coordinates and norms. The bound was raised by
        # 2 e (|x|^2 + |c|^2) at most, and the nearest centre is no farther from the origin than |x| and the bound.
        block = centred(self._x, rows, self._origin)
        norms = np.einsum("ij,ij->i", block, block)
        high = self._upper[rows].astype(np.float64)
        return high - self._first.error * (6 * norms + 4 * high) * (1 + 1e-6), block, norms

    def _update(self, rows: Ints, threshold: float) -> None:
        known = self._known
        stale = rows[known.seen[rows] < len(self._first.raw)]
        _fold(self._x, known.upper, known.seen, self._first, stale, threshold)
        self._upper[stale] = np.minimum(self._upper[stale], known.upper[stale])
        stale = rows[(self._seen[rows] < len(self._chosen)) & (self._upper[rows] >= threshold)]
        _fold(self._x, self._upper, self._seen, self._picks, stale, threshold)


class Centres:
    """Centres as they are and around an origin, and how far off (relative to the norms) a product with them may be."""

    def __init__(self, raw: Floats, origin: Floats, room: int = 0) -> None:
        self.origin, self._count = origin, 0
        self._raw = np.empty((max(room, len(raw)), raw.shape[1]), np.float32)
        self._centred, self._norms = np.empty_like(self._raw), np.empty(len(self._raw), np.float32)
        # Rounding errors of a sum of D products add up like a random walk; the other steps make a few more.
        self.error = float((np.sqrt(raw.shape[1]) + 8) * 2.0**-24)
        self.add(raw)

    def add(self, raw: Floats) -> None:
        rows = slice(self._count, self._count + len(np.atleast_2d(raw)))
        self._raw[rows] = raw
        self._centred[rows] = self._raw[rows] - self.origin
        self._norms[rows] = np.einsum("ij,ij->i", self._centred[rows], self._centred[rows])
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
        table = (-2 * self._centred[part]) @ block.T  # this way round the minimum runs along the rows
        table += self._norms[part, None] * np.float32(1 + self.error)
        found: Floats = table.min(axis=0)
        found += norms * np.float32(1 + self.error)
        return np.maximum(found, 0, out=found)


def first_distances(x: Floats, centres: Floats, rows: Ints | None = None) -> Bounds:
    """Bounds of rows of `x` (all) by the first few of `centres` (m, D)."""
    kept = Centres(centres, centres.mean(axis=0, dtype=np.float64).astype(np.float32))
    some = slice(0, FIRST)
    n = len(x) if rows is None else len(rows)
    upper = np.empty(n, np.float32)
    for start in range(0, n, ROWS):
        part = slice(start, start + ROWS)
        block = centred(x, part if rows is None else rows[part], kept.origin)
        upper[part] = kept.bounds(block, np.einsum("ij,ij->i", block, block), some)
    return Bounds(upper, np.full(n, min(FIRST, len(centres)), np.int32), centres)


def exact(x: Floats, centres: Centres, upto: Ints | None = None) -> Floats64:
    """(r,) squared distances of `x` (r, D) to the nearest of `centres`, or of the first `upto` (r,) of them.

    By differences in float64, of those centres only that a matrix product cannot rule out.
    """
    out = np.empty(len(x))
    raw, count = centres.raw, len(centres)
    for part in _parts(np.arange(len(x)), max(1, PAIRS // max(1, count))):
        block = x[part] - centres.origin
        sums = np.einsum("ij,ij->i", block, block)[:, None] + centres.norms
        if upto is not None:
            sums[np.arange(count) >= upto[part, None]] = INF
        table = sums - 2 * block @ centres.centred.T
        first = table.argmin(axis=1)
        out[part] = _squares(x[part], raw[first])
        table -= centres.error * np.where(np.isfinite(sums), sums, 0)
        open_ = out[part] > 0  # else it is a copy of a centre
        reach = table[np.arange(len(part)), first] + 2 * centres.error * sums[np.arange(len(part)), first]
        pairs = np.argwhere((table <= reach[:, None]) & open_[:, None] & np.isfinite(sums))
        step = max(1, PAIRS // x.shape[1])
        for start in range(0, len(pairs), step):
            places, which = pairs[start : start + step].T
            np.minimum.at(out, part[places], _squares(x[part[places]], raw[which]))
    return out


def _fold(
    x: Floats, upper: Floats, seen: npt.NDArray[np.int32], centres: Centres, rows: Ints, threshold: float
) -> None:
    # A few centres at a time, and each row only until it is known to be below the threshold.
    for part in _parts(rows[np.argsort(seen[rows], kind="stable")]):
        block = centred(x, part, centres.origin)
        norms = np.einsum("ij,ij->i", block, block)
        for start in range(int(seen[part[0]]), len(centres), CENTRES):
            upper[part] = np.minimum(upper[part], centres.bounds(block, norms, slice(start, start + CENTRES)))
            seen[part] = np.maximum(seen[part], min(start + CENTRES, len(centres)))
            alive = upper[part] >= threshold
            if not alive.any():
                break
            if not alive.all():
                part, block, norms = part[alive], block[alive], norms[alive]


def _measure(x: Floats, centres: Floats, gpu: Any | None, rows: Ints | None = None) -> Bounds:
    return first_distances(x, centres, rows) if gpu is None else gpu_distances(gpu, x, centres, rows)


def gpu_distances(faiss: Any, x: Floats, centres: Floats, rows: Ints | None = None) -> Bounds:
    """The same by all of the centres, which a GPU makes light of: an exact FAISS index."""
    kept = Centres(centres, centres.mean(axis=0, dtype=np.float64).astype(np.float32))
    index = faiss.IndexFlatL2(x.shape[1])
    index.add(kept.centred)
    index = faiss.index_cpu_to_all_gpus(index)
    every = np.arange(len(x)) if rows is None else rows
    upper = np.empty(len(every), np.float32)
    for part in _parts(np.arange(len(every)), 32 * ROWS):
        block = centred(x, every[part], kept.origin)
        squares = np.maximum(index.search(block, 1)[0][:, 0], 0)
        # The nearest centre is no farther from the origin than the row and the distance.
        upper[part] = squares + np.float32(kept.error) * (6 * np.einsum("ij,ij->i", block, block) + 4 * squares)
    return Bounds(upper, np.full(len(every), len(centres), np.int32), centres)


def centred(x: Floats, rows: Ints | slice, origin: Floats) -> Floats:
    """Rows of `x`, of any float type, as float32 around the origin."""
    block = x[rows]
    return np.subtract(block, origin, dtype=np.float32)


def row_sums(x: Floats) -> Floats:
    """(n,) sums of the rows of `x`, of any float type, in float32."""
    out = np.empty(len(x), np.float32)
    for start in range(0, len(x), ROWS):
        np.sum(x[start : start + ROWS], axis=1, dtype=np.float32, out=out[start : start + ROWS])
    return out


def squared_distances(x: Floats, centre: Floats) -> Floats:
    """(n,) squared Euclidean distances from rows of `x` (n, D) to `centre` (D,), by differences: nothing cancels."""
    out = np.empty(len(x), np.float32)
    for start in range(0, len(x), ROWS):
        difference = centred(x, slice(start, start + ROWS), centre)
        np.einsum("ij,ij->i", difference, difference, out=out[start : start + ROWS])
    return out


def _squares(x: Floats, centres: Floats) -> Floats64:
    differences = x.astype(np.float64) - centres
    return np.asarray(np.einsum("ij,ij->i", differences, differences))


def _rank(values: Floats, count: int) -> float:
    # What so many are not below; if there are no more than that, all that are above 0.
    return float(np.partition(values, -count)[-count]) if count < len(values) else TINY


def _spread(rows: Floats) -> Floats:
    # Those that every row is measured to first come from all over the list.
    first = np.unique(np.linspace(0, len(rows) - 1, FIRST).astype(np.int64))
    return np.concatenate([rows[first], np.delete(rows, first, axis=0)])


def _parts(rows: Ints, size: int = ROWS) -> list[Ints]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
