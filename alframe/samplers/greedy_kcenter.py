"""The row farthest from all centres, again and again: exact, without measuring most distances.

A row's distance to its nearest centre only falls as centres are added, so what was measured to a part of them is an
upper bound. Rows whose bound is small are left alone; those that could be the farthest are brought up to date, some
centres at a time, and left as soon as they fall behind.

Where two rows are nearer to each other than the bounds can tell, they are measured exactly. So the choice does not
depend on what was measured before, or in which order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from alframe.kit import clustering
from alframe.samplers.distance_bounds import (
    INF,
    Bounds,
    Centres,
    centred,
    exact,
    first_distances,
    fold,
    gpu_distances,
    origin_of,
    parts,
    row_sums,
    squares,
)
from alframe.types import Floats, Ints, LazyFeatures

ACTIVE = 4096  # rows that are kept up to date; the rest only when it may matter,
SHARE = 64  # and then as many more at a time, or one in so many if that is more
SAMPLE = 300  # rows and centres, by which
ORDERED = 32  # centres are chosen to come first
TINY = float(np.finfo(np.float32).tiny)
CHOSEN = -1.0  # in place of a distance: below every one

Floats64 = npt.NDArray[np.float64]


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

    def recall(self, keys: Ints, x: Floats | LazyFeatures, labelled: Floats, gpu: Any | None) -> tuple[Bounds, Floats]:
        """Return bounds and sums of the rows `x` (n, D) of `keys`; measure what is not known, by FAISS on a `gpu`."""
        measure = first_distances if gpu is None else partial(gpu_distances, gpu)
        old = {row.tobytes() for row in self._centres}
        new = {row.tobytes(): row for row in labelled}  # each once
        if not old or not old <= new.keys():
            self._ids = self._ids[:0]
            sums = np.empty(len(x), np.float32)
            return measure(x, _in_order(x, np.array(list(new.values()))), sums=sums), sums
        sums = row_sums(x)
        more = [row for content, row in new.items() if content not in old]
        centres = np.concatenate([self._centres, np.reshape(more, (-1, labelled.shape[1])).astype(np.float32)])
        places = np.minimum(np.searchsorted(self._ids, keys), len(self._ids) - 1)
        known = (self._ids[places] == keys) & (self._sums[places] == sums)
        bounds = Bounds(self._upper[places], self._seen[places], centres)
        new_rows = np.flatnonzero(~known)
        if len(new_rows):
            found = measure(x, centres, new_rows)
            bounds.upper[new_rows], bounds.seen[new_rows] = found.upper, found.seen
        return bounds, sums

    def keep(self, keys: Ints, sums: Floats, bounds: Bounds) -> None:
        """Remember these, beside those of images that are not among `keys`."""
        others = ~np.isin(self._ids, keys)
        every = np.concatenate([keys, self._ids[others]])
        order = np.argsort(every, kind="stable")  # fast where they are sorted, as those of a pool are
        self._ids = every[order]
        self._sums = np.concatenate([sums, self._sums[others]])[order]
        self._upper = np.concatenate([bounds.upper, self._upper[others]])[order]
        self._seen = np.concatenate([bounds.seen, self._seen[others]])[order]
        self._centres = bounds.centres


class Pool:
    """Rows `x` (n, D), memory-mapped or not, and what is `known` of their distances to the first centres."""

    def __init__(self, x: Floats | LazyFeatures, known: Bounds) -> None:
        self._x, self._known = x, known
        self._origin = origin_of(known.centres)
        self._upper = known.upper.copy()  # to the chosen as well
        self._seen = np.zeros(len(x), np.int32)  # how many of the chosen
        self._first = Centres(known.centres, self._origin, len(known.centres))
        self._chosen: list[int] = []
        # Rows that are up to date: between which bounds each is, and their coordinates and norms around the origin.
        self._rows = np.empty(0, np.int64)
        self._high = self._low = np.empty(0, np.float64)
        self._block, self._norms = np.empty((0, x.shape[1]), np.float32), np.empty(0, np.float32)

    def farthest_first(self, k: int, taken: Sequence[int] = ()) -> tuple[Ints, Floats64]:
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
        for part in parts(np.flatnonzero(self._upper[rows] > 0)):
            values[part] = self._exact(rows[part])
        while len(self._chosen) < k:
            place = int(values.argmax())
            self._add(int(rows[place]))
            if values[place] > 0:
                for part in parts(np.flatnonzero(values > 0)):
                    values[part] = np.minimum(values[part], squares(self._x[rows[part]], self._picks.raw[-1:]))
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
            threshold = max(_rank(self._upper, len(rows) + max(ACTIVE, len(self._upper) // SHARE)), TINY)
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
        # 2 e (|x|^2 + |c|^2) at most, and the nearest centre is no farther from the origin than |x| and the bound,
        # nor than any centre is.
        block = centred(self._x, rows, self._origin)
        norms = np.vecdot(block, block)
        high = self._upper[rows].astype(np.float64)
        farthest = max(self._first.norms.max(), self._picks.norms.max(initial=0))
        raised = 2 * self._first.error * (norms + np.minimum(2 * norms + 2 * high, farthest))
        return high - raised * (1 + 1e-6), block, norms

    def _update(self, rows: Ints, threshold: float) -> None:
        known = self._known
        stale = rows[known.seen[rows] < len(self._first.raw)]
        fold(self._x, known.upper, known.seen, self._first, stale, threshold)
        self._upper[stale] = np.minimum(self._upper[stale], known.upper[stale])
        stale = rows[(self._seen[rows] < len(self._chosen)) & (self._upper[rows] >= threshold)]
        fold(self._x, self._upper, self._seen, self._picks, stale, threshold)


def _rank(values: Floats, count: int) -> float:
    # What so many are not below; if there are no more than that, all that are above 0.
    return float(np.partition(values, -count)[-count]) if count < len(values) else TINY


def _in_order(x: Floats | LazyFeatures, rows: Floats) -> Floats:
    # First those that together bring the bounds of far rows down most, as a sample of `x` says.
    some, of = rows[_evenly(len(rows))], np.asarray(x[_evenly(len(x))], np.float32)
    table = clustering.pairwise_squared_distances(some, of)
    table = np.square(table / max(table.max(), TINY))  # the far ones count most
    order, nearest = [], np.full(len(of), INF)
    for _ in range(min(ORDERED, len(some))):
        order.append(int(np.minimum(table, nearest).sum(axis=1).argmin()))
        nearest = np.minimum(nearest, table[order[-1]])
    first = _evenly(len(rows))[order]
    return np.concatenate([rows[first], np.delete(rows, first, axis=0)])


def _evenly(count: int) -> Ints:
    return np.unique(np.linspace(0, count - 1, SAMPLE).astype(np.int64))
