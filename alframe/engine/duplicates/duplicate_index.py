"""Find near-duplicates without comparing all images with all."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from alframe.chunks import row_slices
from alframe.compat import import_faiss
from alframe.kit.clustering import unit_vectors
from alframe.progress import Bar
from alframe.types import Bools, Floats, Ints

# With both measures, images that share a hash (black frames, fog) may all have embeddings of their own. An image is
# compared with so many of them at most, so that a million such frames do not take a million times a million looks.
MAX_COMPARISONS = 64
MAX_CELL_SIZE = 20_000  # images of which embeddings are compared all with all
KMEANS_SAMPLE = 65_536  # images that k-means learns its cells from,
KMEANS_PASSES = 10  # looking at each of them so often

Hashes = npt.NDArray[np.uint64]


class HashIndex:
    """The group representatives so far, by difference hash. Rows are positions in the pool.

    Two images match if at most `bits` of 64 differ and, with `features`, their cosine distance is <= `cosine`.
    """

    def __init__(self, hashes: Hashes, bits: int, features: Floats | None = None, cosine: float = 0.0) -> None:
        self._hashes, self._bits = hashes, bits
        self._features, self._cosine = features, cosine
        self._masks = _pigeonhole_masks(bits)
        self._tables: list[_SortedHashes] = []

    def add(self, rows: Ints) -> None:
        if self._features is not None:
            _, hash_numbers, counts = np.unique(self._hashes[rows], return_inverse=True, return_counts=True)
            rows = rows[
                np.sort(np.argsort(hash_numbers, kind="stable")[_concatenated_ranges(counts) < MAX_COMPARISONS])
            ]
        # Tables of doubling length: each image is sorted some log2(n) times, and there are some log2(n) to look into.
        while self._tables and len(self._tables[-1].rows) <= len(rows):
            rows = np.concatenate([self._tables.pop().rows, rows])
        if len(rows):
            self._tables.append(_SortedHashes(rows, self._hashes[rows], self._masks))

    def find_representatives(self, rows: Ints) -> tuple[Ints, Bools]:
        """Return (r,) the first added image that matches each row, or -1; and (r,) which rows not to add.

        Rows with at least MAX_COMPARISONS images of a similar hash are not added, because they would only cost time.
        """
        positions, matches = self._find_near_pairs(self._hashes[rows])
        counts = np.bincount(positions, minlength=len(rows))
        if self._features is None:
            return _first_match_of_each(positions, matches, len(rows)), np.zeros(len(rows), bool)
        compared = _concatenated_ranges(counts) < MAX_COMPARISONS
        positions, matches = positions[compared], matches[compared]
        near = cosine_similarities(self._features, rows[positions], matches) >= 1 - self._cosine
        return _first_match_of_each(positions[near], matches[near], len(rows)), counts >= MAX_COMPARISONS

    def _find_near_pairs(self, hashes: Hashes) -> tuple[Ints, Ints]:
        """Return pairs of a position in `hashes` and a near added row, sorted by position, then in order of adding."""
        pairs = [np.empty((0, 2), np.int64)]
        for table in self._tables:
            matches = np.unique(np.concatenate([table.find_near(hashes, mask, self._bits) for mask in self._masks]))
            position, entry = np.divmod(matches, len(table.rows))
            pairs.append(np.stack([position, table.rows[entry]], axis=1))
        both = np.concatenate(pairs)
        return tuple(both[np.argsort(both[:, 0], kind="stable")].T)

    def find_pairs(self, rows: Ints) -> tuple[Ints, Ints]:
        """Return the near pairs among the `rows` as positions (earlier, later), sorted by later, then by earlier."""
        hashes = self._hashes[rows]
        later, earlier = np.nonzero(np.tril(np.bitwise_count(hashes[:, None] ^ hashes) <= self._bits, -1))
        if self._features is not None:
            near = cosine_similarities(self._features, rows[later], rows[earlier]) >= 1 - self._cosine
            later, earlier = later[near], earlier[near]
        return earlier, later


class _SortedHashes:
    """Images in the order of adding, with a sorted list for each of the masks."""

    def __init__(self, rows: Ints, hashes: Hashes, masks: Sequence[np.uint64]) -> None:
        self.rows, self._hashes = rows, hashes
        self._order = {mask: np.argsort(hashes & mask, kind="stable").astype(np.int32) for mask in masks}
        self._sorted = {mask: (hashes & mask)[order] for mask, order in self._order.items()}

    def find_near(self, hashes: Hashes, mask: np.uint64, bits: int) -> Ints:
        """Return near pairs that agree under the mask, each as (position in `hashes`) * len(rows) + (own position)."""
        masked, own = hashes & mask, self._sorted[mask]
        start = np.searchsorted(own, masked)
        counts = np.searchsorted(own, masked, "right") - start
        position = np.repeat(np.arange(len(hashes)), counts)
        entry = self._order[mask][start[position] + _concatenated_ranges(counts)]
        near = np.bitwise_count(hashes[position] ^ self._hashes[entry]) <= bits
        pairs: Ints = position[near] * len(self.rows) + entry[near]
        return pairs


def _pigeonhole_masks(bits: int) -> list[np.uint64]:
    """Return masks of the 64 bits. If two hashes differ in at most `bits` bits, they are equal under at least one mask.

    This is the pigeonhole principle: of `bits` + 2 blocks, at least two are equal. (Norouzi, Punjani & Fleet 2012, Fast
    search in Hamming space with multi-index hashing, use one of `bits` + 1 blocks. Two blocks separate more images).
    Each block has bits from all parts of the picture, because neighbouring bits are similar.
    """
    blocks = np.array_split(np.random.default_rng(0).permutation(64), bits + 2)
    values = [sum(1 << int(bit) for bit in block) for block in blocks]
    return [np.uint64(a | b) for a, b in combinations(values, 2)]


class EmbeddingIndex:
    """Like HashIndex, for images that match if their cosine distance is <= `cosine`.

    It compares with every added image, so use a separate index for each cell.
    """

    def __init__(self, features: Floats, cosine: float) -> None:
        self._features, self._cosine = features, cosine
        self._added: list[Ints] = []

    def add(self, rows: Ints) -> None:
        self._added.append(rows)

    def find_representatives(self, rows: Ints) -> tuple[Ints, Bools]:
        """Return (r,) the first added image that matches each row, or -1; and (r,) False: every row may be added."""
        representatives = np.full(len(rows), -1, np.int64)
        x = unit_vectors(self._features[rows])
        for added in self._added:
            unmatched = np.flatnonzero(representatives < 0)
            if not len(added) or not len(unmatched):
                continue
            near = x[unmatched] @ unit_vectors(self._features[added]).T >= 1 - self._cosine
            matched = near.any(axis=1)
            representatives[unmatched[matched]] = added[near[matched].argmax(axis=1)]
        return representatives, np.zeros(len(rows), bool)

    def find_pairs(self, rows: Ints) -> tuple[Ints, Ints]:
        """Return the near pairs as `HashIndex.find_pairs` does."""
        x = unit_vectors(self._features[rows])
        later, earlier = np.nonzero(np.tril(x @ x.T >= 1 - self._cosine, -1))
        return earlier, later


def cluster_into_cells(features: Floats, rows: Ints, seed: int) -> list[Ints]:
    """Split the `rows` (n,) of `features` (N, D) into cells, each in the given order. Up to 20,000 rows are one cell.

    More rows are divided by k-means (Lloyd 1982), fitted on a sample. Copies are always in the same cell. Two images
    that are nearly equal may be in different cells.
    """
    if len(rows) <= MAX_CELL_SIZE:
        return [rows]
    rng = np.random.default_rng(seed)
    sample = np.sort(rng.choice(rows, min(len(rows), KMEANS_SAMPLE), replace=False))
    count = len(rows) // 1000
    model = import_faiss().Kmeans(
        features.shape[1], count, niter=1, seed=seed, spherical=True, min_points_per_centroid=1
    )
    cells = np.empty(len(rows), np.int64)
    with Bar(
        "Preparing the search for near-duplicates", total=KMEANS_PASSES * len(sample) + len(rows), unit="img"
    ) as bar:
        x = unit_vectors(features[sample])
        for _ in range(KMEANS_PASSES):
            model.train(x, init_centroids=model.centroids)
            bar.advance(len(sample))
        for chunk in row_slices(len(rows)):
            cells[chunk] = model.assign(unit_vectors(features[rows[chunk]]))[1]
            bar.advance(len(cells[chunk]))
    order = np.argsort(cells, kind="stable")
    return np.split(rows[order], np.flatnonzero(np.diff(cells[order])) + 1)


def cosine_similarities(features: Floats, a: Ints, b: Ints) -> Floats:
    """Return (p,) the cosine similarity of the pairs of rows `a` (p,) and `b` (p,)."""
    similarities = np.empty(len(a), np.float32)
    for chunk in row_slices(len(a)):
        rows_a, index_a = np.unique(a[chunk], return_inverse=True)
        rows_b, index_b = np.unique(b[chunk], return_inverse=True)
        x, y = unit_vectors(features[rows_a]), unit_vectors(features[rows_b])
        # Many pairs of few images are a product of matrices.
        if len(rows_a) * len(rows_b) <= 8 * len(index_a):
            similarities[chunk] = (x @ y.T)[index_a, index_b]
        else:
            similarities[chunk] = np.einsum("pd,pd->p", x[index_a], y[index_b])
    return similarities


def _first_match_of_each(positions: Ints, matches: Ints, count: int) -> Ints:
    """Return (count,) the first of the `matches` (h,) for each of the sorted `positions` (h,); -1: none."""
    first = np.full(count, -1, np.int64)
    starts = np.flatnonzero(np.diff(positions, prepend=-1))
    first[positions[starts]] = matches[starts]
    return first


def _concatenated_ranges(counts: Ints) -> Ints:
    """Return 0, 1, 2, ... for each of the `counts` (r,), one after the other."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
