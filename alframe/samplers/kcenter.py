"""Images far from all that is labelled, and from each other: the greedy core-set."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

import numpy as np

from alframe.samplers.ranking import require_finite
from alframe.types import Floats, Ints, Need, PoolView, Selection

log = logging.getLogger(__name__)

ROWS = 2048  # of the pool at a time, so that a memory-mapped pool is never copied whole
CANDIDATES = 1024  # kept up to date; the rest only when it may matter
CHOSEN = -1.0  # in place of a distance: below every one
Nearest = Callable[[Floats, Ints, Floats], Floats]


class KCenter:
    """Again and again the image whose nearest labelled or chosen one is farthest, by Euclidean distance; exact.

    Sener and Savarese 2018, "Active learning for convolutional neural networks: a core-set approach" (their greedy
    k-center). With nothing labelled it starts at the image nearest the mean. `faiss=False` leaves the distances to the
    labelled images to numpy. Scores are the distances at the moment of choice.
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES})

    def __init__(self, faiss: bool = True) -> None:
        self.faiss = faiss

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract; `rng` plays no part."""
        x, labelled = view.features, view.labelled_features
        k = min(k, len(view))
        if k <= 0:
            return Selection(view.ids[:0], np.empty(0, np.float32))
        require_finite(x.sum(axis=1), "kcenter", "embeddings")
        require_finite(labelled.sum(axis=1), "kcenter", "embeddings", "labelled images")
        nearest = self._nearest()
        if len(labelled):
            rows, squares = farthest_first(x, nearest(x, np.arange(len(x)), labelled), k, nearest)
        else:
            start = int(squared_distances(x, x.mean(axis=0, dtype=np.float64).astype(np.float32)).argmin())
            bounds = squared_distances(x, x[start])
            radius = bounds.max()
            bounds[start] = CHOSEN
            rows, squares = farthest_first(x, bounds, k - 1, nearest)
            rows, squares = np.concatenate([[start], rows]), np.concatenate([[radius], squares])
        return Selection(view.ids[rows], np.sqrt(squares, dtype=np.float32))

    def _nearest(self) -> Nearest:
        if not self.faiss:
            return nearest_with_numpy
        try:
            # Both bring OpenMP, and on macOS a process survives only this order.
            import torch  # noqa: F401  # isort: skip
            import faiss
        except ImportError as error:
            log.warning("faiss cannot be imported (%s): kcenter goes on with numpy.", error)
            return nearest_with_numpy
        if sys.platform == "darwin":
            faiss.omp_set_num_threads(1)
        return nearest_with_faiss


def farthest_first(x: Floats, bounds: Floats, k: int, nearest: Nearest) -> tuple[Ints, Floats]:
    """The greedy choice of k rows of `x` (n, D), and their squared distances then.

    `bounds` (n,) holds each row's squared distance to the nearest centre so far, CHOSEN for a row that is one.
    A distance only ever falls as centres are added. So a few of the farthest rows are kept up to date, and as long as
    the best of them is no nearer than any old distance outside, it is the farthest of all; the others are measured
    again, against many centres in one product, only when that fails.
    """
    bounds = bounds.copy()
    seen = np.zeros(len(x), np.int64)  # how many of the centres chosen here each bound takes into account
    chosen: list[int] = []
    squares: list[float] = []
    rows, distances, block, outside = np.empty(0, np.int64), bounds[:0], x[:0], np.inf
    while len(chosen) < k:
        best = distances.max(initial=CHOSEN)
        if best < outside:
            bounds[rows], seen[rows] = distances, len(chosen)
            _measure_again(x, bounds, seen, chosen, best, nearest)
            current = np.flatnonzero(seen == len(chosen))
            rows = current[_largest(bounds[current], CANDIDATES)]
            distances, block = bounds[rows], x[rows]
            others = np.ones(len(x), bool)
            others[rows] = False
            outside = bounds.max(initial=CHOSEN, where=others)
        place = int(distances.argmax())
        chosen.append(int(rows[place]))
        squares.append(float(distances[place]))
        np.minimum(distances, squared_distances(block, block[place]), out=distances)
        distances[place] = CHOSEN
    return np.array(chosen, np.int64), np.array(squares, np.float32)


def _measure_again(x: Floats, bounds: Floats, seen: Ints, chosen: list[int], best: float, nearest: Nearest) -> None:
    # Whatever may be farther than the best known; some more, so that the next time is not the next step.
    floor = min(best, bounds[_largest(bounds, CANDIDATES)].min())
    old = np.flatnonzero((bounds >= floor) & (seen < len(chosen)))
    if len(old):
        bounds[old] = np.minimum(bounds[old], nearest(x, old, x[chosen[seen[old].min() :]]))
        seen[old] = len(chosen)


def _largest(values: Floats, count: int) -> Ints:
    return np.argpartition(-values, count)[:count] if count < len(values) else np.arange(len(values))


def squared_distances(x: Floats, centre: Floats) -> Floats:
    """(n,) squared Euclidean distances from rows of `x` (n, D) to `centre` (D,), by differences: nothing cancels."""
    out = np.empty(len(x), np.float32)
    step = max(1, 2**18 // max(1, x.shape[1]))  # a megabyte of differences stays in the processor's cache
    for start in range(0, len(x), step):
        rows = slice(start, start + step)
        difference = x[rows] - centre
        np.einsum("ij,ij->i", difference, difference, out=out[rows])
    return out


def nearest_with_faiss(x: Floats, rows: Ints, centres: Floats) -> Floats:
    """(r,) squared distances from the given rows of `x` to the nearest of `centres` (m, D), by an exact FAISS index."""
    import faiss

    origin = centres.mean(axis=0)  # norms around it are small, so that little is lost in their difference
    index = faiss.IndexFlatL2(x.shape[1])
    index.add(np.ascontiguousarray(centres - origin, np.float32))
    out = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), ROWS):
        part = slice(start, start + ROWS)
        block = x[rows[part]]  # a copy already
        block -= origin
        out[part] = index.search(np.ascontiguousarray(block, np.float32), 1)[0][:, 0]
    return out


def nearest_with_numpy(x: Floats, rows: Ints, centres: Floats) -> Floats:
    """The same as nearest_with_faiss, without FAISS."""
    origin = centres.mean(axis=0)
    centred = centres - origin
    norms = np.einsum("ij,ij->i", centred, centred)
    out = np.empty(len(rows), np.float32)
    step = max(1, min(ROWS, 2**24 // len(centres)))  # the table of all their distances holds at most 64 MiB
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        block = x[rows[part]]  # a copy already
        block -= origin
        out[part] = np.einsum("ij,ij->i", block, block) + (norms - 2 * block @ centred.T).min(axis=1)
    return np.maximum(out, 0, out=out)
