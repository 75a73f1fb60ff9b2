"""Farthest-first traversal over shards: exact, in a few rounds.

Distances to the nearest centre never grow when centres are added. So each shard offers its farthest rows, and gives the
distance of the next row. The greedy choice among the offers is the choice from the whole pool, as long as its distance
is above the distances of all rows that are not offered. Then the shards measure their rows to all new centres at once,
and offer again. This is lazy greedy choice by blocks (Minoux 1978, "Accelerated greedy algorithms for maximizing
submodular set functions").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from alframe.kit.chunks import row_slices
from alframe.kit.scoring import require_finite, require_measurable
from alframe.samplers.distance_bounds import (
    CHUNK_ROWS,
    INF,
    Centres,
    Ints32,
    UpperBounds,
    choose_origin,
    initial_bounds,
    squared_distances_to,
    squared_distances_to_nearest,
    tighten_upper_bounds,
)
from alframe.samplers.distance_cache import put_centres_with_tightest_bounds_first
from alframe.samplers.farthest_first import EXCLUDED, REFILL_ROWS, FarthestFirst
from alframe.types import Floats, Floats64, Ints, LazyFeatures

MapShards = Callable[[Callable[[Sequence[Any]], Iterator[Any]], Sequence[Any]], Iterable[Any]]


def map_in_this_process(function: Callable[[Sequence[Any]], Iterator[Any]], shards: Sequence[Any]) -> Iterator[Any]:
    return function(shards)


@dataclass(frozen=True, slots=True)
class ShardState:
    """The rows of a shard, bounds of their distances to the first `measured_counts` (n,) centres, and chosen rows."""

    x: LazyFeatures
    upper: Floats | None
    measured_counts: Ints32 | None
    chosen: Sequence[int]


@dataclass(frozen=True, slots=True)
class ShardOffer:
    """The farthest rows of a shard: numbers (p,), embeddings (p, D), squared distances (p,), exact to float64.

    `next_squared_distance` and `next_row` are of the farthest row that is not offered, or -1 if all rows are offered.
    `upper` and `measured_counts` (n,) are the new bounds of the shard.
    """

    rows: Ints
    x: Floats
    squared_distances: Floats64
    next_squared_distance: float
    next_row: int
    upper: Floats
    measured_counts: Ints32


def choose_centres_over_shards(
    map_shards: MapShards, shards: Sequence[LazyFeatures], labelled: Floats, k: int, offers_per_shard: int
) -> tuple[Ints, Floats64]:
    """Return k row numbers, counted over all shards, in the order of choice, and their squared distances (k,).

    The sampler kcenter chooses the same rows from all shards together; `labelled` (m, D) are the labelled embeddings.
    """
    require_measurable(labelled, "embeddings", "labelled images")
    shard_starts = np.cumsum([0, *map(len, shards)])
    chosen: list[int] = []
    squared: list[float] = []
    if len(labelled):
        centres = put_centres_with_tightest_bounds_first(np.unique(labelled, axis=0), shards[0])
    else:
        row, radius, centres = _find_row_nearest_to_mean(map_shards, shards, shard_starts)
        chosen, squared = [row], [radius]
    states = [ShardState(x, None, None, []) for x in shards]
    while len(chosen) < k:
        for number, state in enumerate(states):
            start, stop = shard_starts[number : number + 2].tolist()
            chosen_here = [row - start for row in chosen if start <= row < stop]
            states[number] = ShardState(state.x, state.upper, state.measured_counts, chosen_here)
        found: list[ShardOffer] = list(map_shards(partial(offer_farthest, centres, offers_per_shard), states))
        states = [
            ShardState(state.x, offer.upper, offer.measured_counts, state.chosen)
            for state, offer in zip(states, found, strict=True)
        ]
        rows, distances, points = _choose_among_offers(found, shard_starts, centres, k - len(chosen))
        chosen += rows
        squared += distances
        centres = np.concatenate([centres, points])
    return np.array(chosen[:k], np.int64), np.array(squared[:k])


def _choose_among_offers(
    offers: Sequence[ShardOffer], shard_starts: Ints, centres: Floats, k: int
) -> tuple[list[int], list[float], Floats]:
    """Return the greedy choice among the offers, as long as no other row can be farther: at least one row."""
    rows = np.concatenate([offer.rows + start for offer, start in zip(offers, shard_starts[:-1], strict=True)])
    order = np.argsort(rows)  # of equally far rows the first is chosen
    rows = rows[order]
    x = np.concatenate([offer.x for offer in offers])[order]
    upper = np.nextafter(np.concatenate([offer.squared_distances for offer in offers])[order].astype(np.float32), INF)
    bounds = UpperBounds(upper, np.full(len(x), len(centres), np.int32), centres)
    picked, squared = FarthestFirst(x, bounds).choose(min(k, len(x)))
    pairs = zip(offers, shard_starts[:-1].tolist(), strict=True)
    limit = max((offer.next_squared_distance, -(offer.next_row + start)) for offer, start in pairs)
    keys = zip(squared.tolist(), (-rows[picked]).tolist(), strict=True)
    count = next((number for number, key in enumerate(keys) if key < limit), len(picked))
    return rows[picked[:count]].tolist(), squared[:count].tolist(), x[picked[:count]]


def offer_farthest(centres: Floats, limit: int, shards: Sequence[ShardState]) -> Iterator[ShardOffer]:
    """Yield the `limit` rows of each shard that are farthest from `centres` (m, D), and the bounds of all rows."""
    measured_to = Centres(centres, choose_origin(centres))
    for shard in shards:
        if shard.upper is None or shard.measured_counts is None:
            with np.errstate(invalid="ignore", over="ignore"):  # of numbers that the next line refuses
                bounds = initial_bounds(shard.x, centres)
            require_finite(bounds.upper, "embeddings", "unlabelled images")
            upper, measured_counts = bounds.upper, bounds.measured_counts
        else:
            upper, measured_counts = shard.upper.copy(), shard.measured_counts.copy()
        upper[list(shard.chosen)] = EXCLUDED
        rows, squared = _farthest_rows(shard.x, upper, measured_counts, measured_to, limit + 1)
        has_next = len(rows) > limit
        yield ShardOffer(
            rows[:limit],
            np.asarray(shard.x[rows[:limit]], np.float32),
            squared[:limit],
            float(squared[limit]) if has_next else EXCLUDED,
            int(rows[limit]) if has_next else 0,
            upper,
            measured_counts,
        )


def _farthest_rows(
    x: LazyFeatures, upper: Floats, measured_counts: Ints32, centres: Centres, count: int
) -> tuple[Ints, Floats64]:
    """Return the `count` farthest rows, the farthest first, equal ones by number, and their exact squared distances.

    `upper` (n,) and `measured_counts` (n,) are updated in place after further measurements. Rows that were chosen
    before have the bound EXCLUDED.
    """
    count = min(count, int((upper > EXCLUDED).sum()))
    if not count:
        return np.empty(0, np.int64), np.empty(0)
    block = min(max(count, REFILL_ROWS), len(upper))
    while True:
        top = np.argpartition(-upper, block - 1)[:block]
        stale = top[(measured_counts[top] < len(centres)) & (upper[top] > EXCLUDED)]
        if not len(stale):
            break
        tighten_upper_bounds(x, upper, measured_counts, centres, stale, EXCLUDED)
    top = top[np.argsort(-upper[top], kind="stable")[:count]]
    floor = float(squared_distances_to_nearest(np.asarray(x[top], np.float32), centres).min())
    threshold = float(np.nextafter(np.float32(floor), -INF))  # no row below it is among the farthest
    stale = np.flatnonzero((upper >= max(threshold, 0.0)) & (measured_counts < len(centres)))
    tighten_upper_bounds(x, upper, measured_counts, centres, stale, threshold)
    rows = np.flatnonzero(upper >= max(threshold, 0.0))
    squared = np.empty(len(rows))
    for chunk in row_slices(len(rows)):
        squared[chunk] = squared_distances_to_nearest(np.asarray(x[rows[chunk]], np.float32), centres)
    order = np.lexsort((rows, -squared))[:count]
    return rows[order], squared[order]


def _find_row_nearest_to_mean(
    map_shards: MapShards, shards: Sequence[LazyFeatures], shard_starts: Ints
) -> tuple[int, float, Floats]:
    """Return the row that is nearest to the mean, its largest squared distance to any row, and its embedding (1, D)."""
    total = np.zeros(shards[0].shape[1])
    for chunk_sums in map_shards(_sum_chunks_of_shards, shards):
        for chunk_sum in chunk_sums:  # in the order of the pool, which decides the last bit
            total += chunk_sum
    mean = np.asarray(total / shard_starts[-1], np.float32)
    found = list(map_shards(partial(_find_extremes_in_shards, mean), shards))
    nearest = int(np.argmin([squared for squared, _, _ in found]))
    row = found[nearest][1]
    point = np.asarray(shards[nearest][[row]], np.float32)
    radius = max(float(largest) for _, _, largest in map_shards(partial(_find_extremes_in_shards, point[0]), shards))
    return int(shard_starts[nearest]) + row, radius, point


def _sum_chunks_of_shards(shards: Sequence[LazyFeatures]) -> Iterator[list[Floats64]]:
    """Yield the sum (D,) of each chunk of rows of each shard."""
    for x in shards:
        yield [np.sum(x[rows], axis=0, dtype=np.float64) for rows in row_slices(len(x), CHUNK_ROWS)]


def _find_extremes_in_shards(point: Floats, shards: Sequence[LazyFeatures]) -> Iterator[tuple[float, int, float]]:
    """Yield the smallest squared distance of a shard's rows to `point` (D,), its row, and the largest one."""
    for x in shards:
        squared = squared_distances_to(x, point)
        require_finite(squared, "embeddings", "unlabelled images")
        yield float(squared.min()), int(squared.argmin()), float(squared.max())
