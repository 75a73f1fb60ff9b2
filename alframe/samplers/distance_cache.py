"""Distances to labelled images that a sampler keeps from round to round."""

from __future__ import annotations

from typing import Any

import numpy as np

from alframe.kit.clustering import pairwise_squared_distances
from alframe.samplers.distance_bounds import INF, TINY, UpperBounds, checksum_rows, initial_bounds
from alframe.types import Floats, Ints, LazyFeatures

SAMPLE_ROWS = 300  # of the pool, and as many centres, by which
LEADING_CENTRES = 32  # centres are put in front


class DistanceCache:
    """Bounds of the distances from images to the labelled images, by the key of the image: 20 bytes per image.

    A bound is used only if the embedding of its image has the same sum as before. No bound is used if a labelled
    embedding is missing or has changed, for example after training of the backbone or after a label was withdrawn.
    """

    def __init__(self) -> None:
        self._keys = np.empty(0, np.int64)  # sorted
        self._checksums = np.empty(0, np.float32)
        self._upper = np.empty(0, np.float32)
        self._measured_counts = np.empty(0, np.int32)
        self._centres = np.empty((0, 0), np.float32)

    def bounds_and_checksums(
        self, keys: Ints, x: Floats | LazyFeatures, labelled: Floats, gpu_faiss: Any | None
    ) -> tuple[UpperBounds, Floats]:
        """Return bounds of the rows `x` (n, D) of `keys` (n,) to `labelled` (m, D), and their checksums (n,)."""
        old = {row.tobytes() for row in self._centres}
        distinct = {row.tobytes(): row for row in labelled}
        if not old or not old <= distinct.keys():
            self._keys = self._keys[:0]
            checksums = np.empty(len(x), np.float32)
            centres = put_centres_with_tightest_bounds_first(np.array(list(distinct.values())), x)
            return initial_bounds(x, centres, checksums=checksums, gpu_faiss=gpu_faiss), checksums
        checksums = checksum_rows(x)
        added = [row for content, row in distinct.items() if content not in old]
        centres = np.concatenate([self._centres, np.reshape(added, (-1, labelled.shape[1])).astype(np.float32)])
        positions = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        is_known = (self._keys[positions] == keys) & (self._checksums[positions] == checksums)
        bounds = UpperBounds(self._upper[positions], self._measured_counts[positions], centres)
        unknown = np.flatnonzero(~is_known)
        if len(unknown):
            new = initial_bounds(x, centres, unknown, gpu_faiss=gpu_faiss)
            bounds.upper[unknown], bounds.measured_counts[unknown] = new.upper, new.measured_counts
        return bounds, checksums

    def update(self, keys: Ints, checksums: Floats, bounds: UpperBounds) -> None:
        """Store the bounds of `keys` (n,), and keep the bounds of other images."""
        others = ~np.isin(self._keys, keys)
        all_keys = np.concatenate([keys, self._keys[others]])
        order = np.argsort(all_keys, kind="stable")  # fast where they are sorted, as those of a pool are
        self._keys = all_keys[order]
        self._checksums = np.concatenate([checksums, self._checksums[others]])[order]
        self._upper = np.concatenate([bounds.upper, self._upper[others]])[order]
        self._measured_counts = np.concatenate([bounds.measured_counts, self._measured_counts[others]])[order]
        self._centres = bounds.centres


def put_centres_with_tightest_bounds_first(centres: Floats, x: Floats | LazyFeatures) -> Floats:
    """Return `centres` (m, D); the first ones together lower the bounds of a sample of `x` (n, D) most."""
    rows = _evenly_spaced_rows(len(centres))
    candidates, sample = centres[rows], np.asarray(x[_evenly_spaced_rows(len(x))], np.float32)
    table = pairwise_squared_distances(candidates, sample)
    table = np.square(table / max(table.max(), TINY))  # the far ones count most
    order, nearest = [], np.full(len(sample), INF)
    for _ in range(min(LEADING_CENTRES, len(candidates))):
        order.append(int(np.minimum(table, nearest).sum(axis=1).argmin()))
        nearest = np.minimum(nearest, table[order[-1]])
    leading = rows[order]
    return np.concatenate([centres[leading], np.delete(centres, leading, axis=0)])


def _evenly_spaced_rows(count: int) -> Ints:
    """Return at most SAMPLE_ROWS evenly spaced row numbers out of 0..count-1."""
    return np.unique(np.linspace(0, count - 1, SAMPLE_ROWS).astype(np.int64))
