"""Which images are near to which, found without comparing all with all."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Protocol

import numpy as np
import numpy.typing as npt

from alframe.chunks import chunks
from alframe.compat import import_faiss
from alframe.kit.vectors import unit_vectors
from alframe.progress import Bar
from alframe.types import Floats, Ints

# With both measures, images that share a hash (black frames, fog) may all have embeddings of their own. An image is
# compared with so many of them at most, so that a million such frames do not take a million times a million looks.
MOST = 64
CELL = 20_000  # images of which embeddings are compared all with all
TRAINED = 65_536  # images that k-means learns its cells from,
PASSES = 10  # looking at each of them so often

Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]


class Near(Protocol):
    """The images entered so far, and who is near to them. Rows are positions in the pool, in the order of entry."""

    def enter(self, rows: Ints) -> None:
        """These stand for a group from now on."""
        ...

    def leaders(self, rows: Ints) -> tuple[Ints, Mask]:
        """(r,) the first entered one that each row is near to, or -1; and which are too many of a kind to enter."""
        ...

    def pairs(self, rows: Ints) -> tuple[Ints, Ints]:
        """Near pairs among the rows, as places (first, later) in `rows`, first < later, sorted by later, then first."""
        ...


class ByHash:
    """Near: at most `bits` of 64 differ; with `features`, the cosine distance is at most `cosine` as well."""

    def __init__(self, hashes: Hashes, bits: int, features: Floats | None = None, cosine: float = 0.0) -> None:
        self._hashes, self._bits = hashes, bits
        self._features, self._cosine = features, cosine
        self._masks = _masks(bits)
        self._runs: list[_Run] = []

    def enter(self, rows: Ints) -> None:
        if self._features is not None:
            _, of, counts = np.unique(self._hashes[rows], return_inverse=True, return_counts=True)
            rows = rows[np.sort(np.argsort(of, kind="stable")[_ranks(counts) < MOST])]
        # Runs of doubling length: each image is sorted some log2(n) times, and there are some log2(n) to look into.
        while self._runs and len(self._runs[-1].rows) <= len(rows):
            rows = np.concatenate([self._runs.pop().rows, rows])
        if len(rows):
            self._runs.append(_Run(rows, self._hashes[rows], self._masks))

    def leaders(self, rows: Ints) -> tuple[Ints, Mask]:
        row, found = self._like(self._hashes[rows])
        counts = np.bincount(row, minlength=len(rows))
        if self._features is None:
            return _first(row, found, len(rows)), np.zeros(len(rows), bool)
        some = _ranks(counts) < MOST
        row, found = row[some], found[some]
        same = cosines(self._features, rows[row], found) >= 1 - self._cosine
        return _first(row[same], found[same], len(rows)), counts >= MOST

    def _like(self, hashes: Hashes) -> tuple[Ints, Ints]:
        """Pairs of a place in `hashes` and an entered row whose hash is near to it, sorted by place, then by entry."""
        pairs = [np.empty((0, 2), np.int64)]
        for run in self._runs:
            found = np.unique(np.concatenate([run.like(hashes, mask, self._bits) for mask in self._masks]))
            row, place = np.divmod(found, len(run.rows))
            pairs.append(np.stack([row, run.rows[place]], axis=1))
        both = np.concatenate(pairs)
        return tuple(both[np.argsort(both[:, 0], kind="stable")].T)

    def pairs(self, rows: Ints) -> tuple[Ints, Ints]:
        hashes = self._hashes[rows]
        later, first = np.nonzero(np.tril(np.bitwise_count(hashes[:, None] ^ hashes) <= self._bits, -1))
        if self._features is not None:
            same = cosines(self._features, rows[later], rows[first]) >= 1 - self._cosine
            later, first = later[same], first[same]
        return first, later


class _Run:
    """Images in the order of entry, sorted by each of the masks for looking them up."""

    def __init__(self, rows: Ints, hashes: Hashes, masks: Sequence[np.uint64]) -> None:
        self.rows, self._hashes = rows, hashes
        self._order = {mask: np.argsort(hashes & mask, kind="stable").astype(np.int32) for mask in masks}
        self._sorted = {mask: (hashes & mask)[order] for mask, order in self._order.items()}

    def like(self, hashes: Hashes, mask: np.uint64, bits: int) -> Ints:
        """Near pairs that agree under the mask, each as (place in `hashes`) * (length of the run) + place."""
        wanted, there = hashes & mask, self._sorted[mask]
        start = np.searchsorted(there, wanted)
        counts = np.searchsorted(there, wanted, "right") - start
        row = np.repeat(np.arange(len(hashes)), counts)
        place = self._order[mask][start[row] + _ranks(counts)]
        near = np.bitwise_count(hashes[row] ^ self._hashes[place]) <= bits
        found: Ints = row[near] * len(self.rows) + place[near]
        return found


def _masks(bits: int) -> list[np.uint64]:
    """Masks of the 64 bits such that two hashes of which at most `bits` bits differ agree under one of them at least.

    By the pigeonhole principle: of `bits` + 2 blocks two are left as they were (Norouzi, Punjani & Fleet 2012, Fast
    search in Hamming space with multi-index hashing, have one of `bits` + 1; two tell more images apart). Each block
    has bits from all over the picture, since neighbouring ones say much the same.
    """
    blocks = np.array_split(np.random.default_rng(0).permutation(64), bits + 2)
    values = [sum(1 << int(bit) for bit in block) for block in blocks]
    return [np.uint64(a | b) for a, b in combinations(values, 2)]


class ByEmbedding:
    """Near: the cosine distance is at most `cosine`. Compares all with all that are entered; so give it a cell."""

    def __init__(self, features: Floats, cosine: float) -> None:
        self._features, self._cosine = features, cosine
        self._entered: list[Ints] = []

    def enter(self, rows: Ints) -> None:
        self._entered.append(rows)

    def leaders(self, rows: Ints) -> tuple[Ints, Mask]:
        leader = np.full(len(rows), -1, np.int64)
        x = unit_vectors(self._features[rows])
        for some in self._entered:
            open_ = np.flatnonzero(leader < 0)
            if not len(some) or not len(open_):
                continue
            same = x[open_] @ unit_vectors(self._features[some]).T >= 1 - self._cosine
            hit = same.any(axis=1)
            leader[open_[hit]] = some[same[hit].argmax(axis=1)]
        return leader, np.zeros(len(rows), bool)

    def pairs(self, rows: Ints) -> tuple[Ints, Ints]:
        x = unit_vectors(self._features[rows])
        later, first = np.nonzero(np.tril(x @ x.T >= 1 - self._cosine, -1))
        return first, later


def cells(features: Floats, rows: Ints, seed: int) -> list[Ints]:
    """The `rows` (n,) of `features` (N, D) in cells, each in the order given; up to 20,000 are one.

    Beyond, the cells are those of k-means (Lloyd 1982), learned from a sample. Copies are always in the same cell; two
    images that are nearly alike may be in two.
    """
    if len(rows) <= CELL:
        return [rows]
    rng = np.random.default_rng(seed)
    sample = np.sort(rng.choice(rows, min(len(rows), TRAINED), replace=False))
    count = len(rows) // 1000
    model = import_faiss().Kmeans(
        features.shape[1], count, niter=1, seed=seed, spherical=True, min_points_per_centroid=1
    )
    cell = np.empty(len(rows), np.int64)
    with Bar("Sorting images into cells", total=PASSES * len(sample) + len(rows), unit="img") as bar:
        x = unit_vectors(features[sample])
        for _ in range(PASSES):
            model.train(x, init_centroids=model.centroids)
            bar.advance(len(sample))
        for part in chunks(len(rows)):
            cell[part] = model.assign(unit_vectors(features[rows[part]]))[1]
            bar.advance(len(cell[part]))
    order = np.argsort(cell, kind="stable")
    return np.split(rows[order], np.flatnonzero(np.diff(cell[order])) + 1)


def cosines(features: Floats, a: Ints, b: Ints) -> Floats:
    """(p,) cosine similarity of the pairs of rows `a` (p,) and `b` (p,)."""
    result = np.empty(len(a), np.float32)
    for part in chunks(len(a)):
        left, at = np.unique(a[part], return_inverse=True)
        right, to = np.unique(b[part], return_inverse=True)
        x, y = unit_vectors(features[left]), unit_vectors(features[right])
        # Many pairs of few images are a product of matrices.
        few = len(left) * len(right) <= 8 * len(at)
        result[part] = (x @ y.T)[at, to] if few else np.einsum("pd,pd->p", x[at], y[to])
    return result


def _first(row: Ints, found: Ints, count: int) -> Ints:
    """(count,) the first that was `found` (h,) for each `row` (h,), sorted; -1 where nothing was."""
    first = np.full(count, -1, np.int64)
    starts = np.flatnonzero(np.diff(row, prepend=-1))
    first[row[starts]] = found[starts]
    return first


def _ranks(counts: Ints) -> Ints:
    """0, 1, 2, ... for each of the `counts` (r,), one after the other."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
