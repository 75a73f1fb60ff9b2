"""Farthest-first traversal: choose the row farthest from all centres, again and again.

The choice is exact, although most distances are never measured. The distance of a row to its nearest centre never grows
when centres are added, so the distance to the nearest of some centres is an upper bound. Rows with a small bound are
not measured. Rows that may be the farthest are measured to more centres, a few at a time, until their bound is small.

If the bounds cannot decide between two rows, their distances are measured exactly. So the choice does not depend on
earlier measurements or on their order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alframe.samplers.distance_bounds import (
    INF,
    TINY,
    Centres,
    UpperBounds,
    choose_origin,
    paired_squared_distances,
    split_rows_into_chunks,
    squared_distances_to_nearest,
    subtract_origin,
    tighten_upper_bounds,
)
from alframe.types import Floats, Floats64, Ints, LazyFeatures

REFILL_ROWS = 4096  # whose bounds are updated at each choice; others are updated only when they may matter
REFILL_DIVISOR = 64  # a refill looks at REFILL_ROWS more rows, or at this part of the pool (one in 64) if that is more
SAMPLE_STEP = 16  # one in so many bounds tells which bounds are large, so that not all of them are sorted
EXCLUDED = -1.0  # in place of a squared distance: below all of them


class FarthestFirst:
    """Farthest-first traversal of the rows `x` (n, D), memory-mapped or not, from the centres of `bounds`.

    Gonzalez 1985, "Clustering to minimize the maximum intercluster distance". `bounds.upper` and
    `bounds.measured_counts` are updated in place after further measurements. An instance is used for one traversal.
    """

    def __init__(self, x: Floats | LazyFeatures, bounds: UpperBounds) -> None:
        self._x, self._bounds = x, bounds
        self._origin = choose_origin(bounds.centres)
        self._centres = Centres(bounds.centres, self._origin, len(bounds.centres))
        self._upper = bounds.upper.copy()  # (n,) to the chosen rows as well
        self._measured_counts = np.zeros(len(x), np.int32)  # how many of the chosen rows `_upper` takes into account
        self._chosen: list[int] = []
        # Of the active rows: lower and upper bounds that are up to date, and what it takes to update them.
        self._active = np.empty(0, np.int64)
        self._active_upper = self._active_lower = np.empty(0, np.float64)
        self._active_centred, self._active_norms = np.empty((0, x.shape[1]), np.float32), np.empty(0, np.float32)

    def choose(self, k: int, excluded: Sequence[int] = ()) -> tuple[Ints, Floats64]:
        """Return k rows in the order of choice, none of them `excluded`, and their squared distances when chosen."""
        self._upper[list(excluded)] = EXCLUDED
        self._chosen_centres = Centres(self._centres.points[:0], self._origin, k)
        inactive_upper = np.inf  # the largest upper bound of the rows that are not active
        while len(self._chosen) < k:
            threshold = self._active_lower.max(initial=EXCLUDED)
            if threshold < inactive_upper:
                inactive_upper = self._refill_active()
                if not len(self._active):
                    self._choose_rest_exactly(k)
                    break
            else:
                self._choose_one_active(threshold)
        points = np.concatenate([self._centres.points, self._chosen_centres.points])
        centre_counts = len(self._centres) + np.arange(len(self._chosen))
        squared = squared_distances_to_nearest(
            self._chosen_centres.points, Centres(points, self._origin), centre_counts
        )
        return np.array(self._chosen, np.int64), squared

    def _choose_one_active(self, threshold: float) -> None:
        """Choose the farthest active row; `threshold` is the largest lower bound."""
        candidates = np.flatnonzero(self._active_upper >= threshold)
        inexact = candidates[self._active_lower[candidates] < self._active_upper[candidates]]
        if len(candidates) > 1 and len(inexact):
            distances = self._exact_squared_distances(self._active[inexact])
            self._active_upper[inexact] = self._active_lower[inexact] = distances
        farthest = candidates[self._active_upper[candidates] == self._active_upper[candidates].max()]
        best = int(farthest[self._active[farthest].argmin()])
        self._add_chosen(int(self._active[best]))
        norms = self._active_norms + self._active_norms[best]
        products = self._active_centred @ (-2 * self._active_centred[best])
        error = self._centres.relative_error
        np.minimum(self._active_upper, np.maximum(norms * (1 + error) + products, 0), out=self._active_upper)
        np.minimum(self._active_lower, norms * (1 - error) + products, out=self._active_lower)
        self._active_upper[best] = self._active_lower[best] = EXCLUDED

    def _choose_rest_exactly(self, k: int) -> None:
        """Choose the remaining rows with exact distances: all are too close to a centre for the matrix product."""
        rows = np.flatnonzero(self._upper > EXCLUDED)
        distances = np.zeros(len(rows))
        for chunk in split_rows_into_chunks(np.flatnonzero(self._upper[rows] > 0)):
            distances[chunk] = self._exact_squared_distances(rows[chunk])
        while len(self._chosen) < k:
            best = int(distances.argmax())
            self._add_chosen(int(rows[best]))
            if distances[best] > 0:
                for chunk in split_rows_into_chunks(np.flatnonzero(distances > 0)):
                    to_best = paired_squared_distances(self._x[rows[chunk]], self._chosen_centres.points[-1:])
                    distances[chunk] = np.minimum(distances[chunk], to_best)
            distances[best] = EXCLUDED

    def _add_chosen(self, row: int) -> None:
        self._chosen.append(row)
        self._chosen_centres.add_points(np.asarray(self._x[row], np.float32))

    def _exact_squared_distances(self, rows: Ints) -> Floats64:
        """Return the squared distances (r,) of `rows` to the nearest centre or chosen row."""
        x = np.asarray(self._x[rows], np.float32)
        distances = squared_distances_to_nearest(x, self._centres)
        return (
            np.minimum(distances, squared_distances_to_nearest(x, self._chosen_centres)) if self._chosen else distances
        )

    def _refill_active(self) -> float:
        """Choose the active rows, which contain the farthest row; return the largest upper bound of all other rows.

        No row is active if no row has certainly a distance above 0 from the centres.
        """
        # Rounding to float32 must not make a bound smaller than it was.
        rounded_up = np.nextafter(self._active_upper.astype(np.float32), INF)
        self._upper[self._active] = np.where(self._active_upper > 0, rounded_up, self._active_upper)
        self._measured_counts[self._active] = len(self._chosen)
        rows = self._active[:0]
        while True:
            # A few more rows at a time: most of those that may be far are not.
            count = len(rows) + max(REFILL_ROWS, len(self._upper) // REFILL_DIVISOR)
            threshold = max(_kth_largest(self._upper, count), TINY)
            self._tighten(np.flatnonzero(self._upper >= threshold), threshold)
            rows = np.flatnonzero(self._upper >= threshold)
            lower = EXCLUDED
            if len(rows):
                lower = float(self._prepare_active(rows[[self._upper[rows].argmax()]])[0][0])
            if lower >= threshold or threshold <= TINY or 0 >= lower > EXCLUDED:
                break
        if not len(rows) or lower <= 0:
            self._active = rows[:0]
            return EXCLUDED
        if len(rows) > 2 * REFILL_ROWS:
            rows = rows[self._upper[rows] >= min(lower, _kth_largest(self._upper[rows], REFILL_ROWS))]
        self._active, self._active_upper = rows, self._upper[rows].astype(np.float64)
        self._active_lower, self._active_centred, self._active_norms = self._prepare_active(rows)
        inactive_upper = self._upper.copy()
        inactive_upper[rows] = EXCLUDED
        return float(inactive_upper.max())

    def _prepare_active(self, rows: Ints) -> tuple[Floats64, Floats, Floats]:
        """Return lower bounds (r,) of up-to-date rows, and their centred coordinates (r, D) and squared norms (r,)."""
        # The upper bound was raised by 2 e (|x|^2 + |c|^2) at most, and the nearest centre is no farther from the
        # origin than |x| and the bound, nor than any centre is.
        centred = subtract_origin(self._x, rows, self._origin)
        norms = np.vecdot(centred, centred)
        upper = self._upper[rows].astype(np.float64)
        largest_norm = max(
            self._centres.centred_squared_norms.max(), self._chosen_centres.centred_squared_norms.max(initial=0)
        )
        raised = 2 * self._centres.relative_error * (norms + np.minimum(2 * norms + 2 * upper, largest_norm))
        return upper - raised * (1 + 1e-6), centred, norms

    def _tighten(self, rows: Ints, threshold: float) -> None:
        """Measure `rows` to centres and chosen rows until each bound is up to date or below `threshold`."""
        bounds = self._bounds
        stale = rows[bounds.measured_counts[rows] < len(self._centres)]
        tighten_upper_bounds(self._x, bounds.upper, bounds.measured_counts, self._centres, stale, threshold)
        self._upper[stale] = np.minimum(self._upper[stale], bounds.upper[stale])
        stale = rows[(self._measured_counts[rows] < len(self._chosen)) & (self._upper[rows] >= threshold)]
        tighten_upper_bounds(self._x, self._upper, self._measured_counts, self._chosen_centres, stale, threshold)


def _kth_largest(values: Floats, k: int) -> float:
    """Return the k-th largest value; TINY for k values or fewer, so that all positive values are above it."""
    if k >= len(values):
        return TINY
    sample = values[::SAMPLE_STEP]
    rank = min(2 * k // SAMPLE_STEP + 1, len(sample))
    large = values[values >= np.partition(sample, -rank)[-rank]]
    return float(np.partition(large if len(large) >= k else values, -k)[-k])
