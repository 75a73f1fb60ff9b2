"""Arrays about the pool that are read, or computed, only for the rows that are indexed."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from alframe.chunks import row_slices
from alframe.types.images import Floats, Ints

SAMPLE_CHUNK_ROWS = 32768  # maximum number of rows whose draws are computed at once
SAMPLE_CHUNK_BYTES = 256 << 20  # maximum size of these draws

Index = slice | npt.NDArray[Any] | Sequence[int]


class LazyFeatures:
    """Rows of `source` (N, D). Only the rows that are indexed are read; the source is never copied as a whole.

    ``features[3:9]``, ``features[row_numbers]`` and ``features[mask]`` give (r, D), ``features[7]`` gives (D,).
    `row_numbers` (n,) are the rows of the source, in the order of these rows. None: all rows.
    """

    def __init__(self, source: Floats, row_numbers: Ints | None = None) -> None:
        self._source = source.view()
        self._source.flags.writeable = False
        self._row_numbers = row_numbers

    def __len__(self) -> int:
        return len(self._source) if self._row_numbers is None else len(self._row_numbers)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, D), as of an array."""
        return len(self), self._source.shape[1]

    def __getitem__(self, rows: int | Index) -> Floats:
        features: Floats = self._source[rows if self._row_numbers is None else self._row_numbers[rows]]
        return features

    def subset(self, mask: npt.NDArray[np.bool_]) -> LazyFeatures:
        """Return the rows that `mask` (n,) marks."""
        return LazyFeatures(
            self._source, np.flatnonzero(mask) if self._row_numbers is None else self._row_numbers[mask]
        )

    def part(self, rows: slice) -> LazyFeatures:
        """Return some of the rows; they are not read either."""
        if self._row_numbers is None:
            return LazyFeatures(self._source[rows])
        return LazyFeatures(self._source, self._row_numbers[rows])

    def to_array(self) -> Floats:
        """Return all rows (n, D) in memory. If they are the whole `source`, they are not copied."""
        return self[:]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle only the path of the file if the source is a mapped file, and otherwise the rows."""
        file = _find_mapped_file(self._source)
        return (LazyFeatures, (self.to_array(),)) if file is None else (_map_again, (*file, self._row_numbers))


def _find_mapped_file(array: npt.NDArray[Any]) -> tuple[str, int, npt.DTypeLike, tuple[int, ...]] | None:
    """Return the mapped file of `array`, the byte where it begins, its type and shape. None: it has no mapped file."""
    base: object = array
    while isinstance(base, np.ndarray) and not isinstance(base.base, mmap.mmap):
        base = base.base
    if not isinstance(base, np.memmap) or base.filename is None or not array.flags.c_contiguous:
        return None
    offset = base.offset + array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return str(base.filename), offset, array.dtype, array.shape


def _map_again(
    file: str, offset: int, dtype: npt.DTypeLike, shape: tuple[int, int], row_numbers: Ints | None
) -> LazyFeatures:
    return LazyFeatures(np.asarray(np.memmap(file, dtype, "r", offset, shape)), row_numbers)


class LazySamples:
    """Class probabilities of T draws of a head, `shape` (T, n, C). They are computed only for rows that are indexed.

    ``samples[3:9]`` gives the same as ``array[:, 3:9]`` of an array. The index is a slice, row numbers or a mask.
    `make` computes the draws (T, r, C) of r rows of its source, by the same T models each time. It receives entries of
    `row_numbers` (n,), or the unchanged index if `row_numbers` is None.
    """

    def __init__(
        self, make: Callable[[Any], Floats], shape: tuple[int, int, int], row_numbers: Ints | None = None
    ) -> None:
        self._make = make
        self._row_numbers = row_numbers
        self.shape = shape

    @classmethod
    def from_array(cls, samples: Floats) -> LazySamples:
        """Return an array (T, n, C) as LazySamples, without a copy."""
        source = samples.view()
        source.flags.writeable = False
        draws, n, classes = source.shape

        def index_source(rows: Index) -> Floats:
            indexed: Floats = source[:, rows]
            # Fancy indexing gives another memory order, in which means over the draws differ in the last bit.
            return indexed if isinstance(rows, slice) else np.ascontiguousarray(indexed)

        return cls(index_source, (draws, n, classes))

    def __len__(self) -> int:
        return self.shape[1]

    @property
    def nbytes(self) -> int:
        """The number of bytes of all draws together."""
        return int(np.prod(self.shape)) * np.dtype(np.float32).itemsize

    def __getitem__(self, rows: Index) -> Floats:
        return self._make(rows if self._row_numbers is None else self._row_numbers[rows])[: self.shape[0]]

    def subset(self, mask: npt.NDArray[np.bool_]) -> LazySamples:
        """Return the draws of the rows that `mask` (n,) marks."""
        row_numbers = np.flatnonzero(mask) if self._row_numbers is None else self._row_numbers[mask]
        return LazySamples(self._make, (self.shape[0], len(row_numbers), self.shape[2]), row_numbers)

    def first_draws(self, draws: int) -> LazySamples:
        """Return the first `draws` draws, or all draws if there are fewer."""
        return LazySamples(self._make, (min(draws, self.shape[0]), *self.shape[1:]), self._row_numbers)

    def row_slices(self) -> list[slice]:
        """Return slices, at least one, that cover the n rows; the draws of each fit in memory."""
        draws, n, classes = self.shape
        return row_slices(max(n, 1), SAMPLE_CHUNK_ROWS, bytes_per_row=4 * draws * classes, limit=SAMPLE_CHUNK_BYTES)

    def to_array(self) -> Floats:
        """Return all draws (T, n, C) in memory."""
        if self._row_numbers is None:
            return self[:]
        out = np.empty(self.shape, np.float32)
        for chunk in self.row_slices():
            out[:, chunk] = self[chunk]
        return out


class LazyProbs:
    """Class probabilities (n, C) of a fitted head. They are computed only for the rows that are indexed.

    ``probs[row_numbers]`` and ``probs[mask]`` give (r, C). `predict` computes the probabilities of rows of its source,
    which has `count` rows. `row_numbers` (n,) are the rows of the source that belong to this object; None: all rows.
    `to_array` computes all rows once and stores them in `kept`, which subsets share.
    """

    def __init__(
        self,
        predict: Callable[[Ints], Floats],
        count: int,
        row_numbers: Ints | None = None,
        kept: list[Floats] | None = None,
    ) -> None:
        self._predict, self._count = predict, count
        self._row_numbers = np.arange(count) if row_numbers is None else row_numbers
        self._kept: list[Floats] = [] if kept is None else kept  # all rows, once they are computed

    @classmethod
    def from_array(cls, probs: Floats) -> LazyProbs:
        """Wrap an array (n, C) without a copy."""
        source = probs.view()
        source.flags.writeable = False
        return cls(source.__getitem__, len(source), kept=[source])

    def __len__(self) -> int:
        return len(self._row_numbers)

    def __getitem__(self, rows: Index) -> Floats:
        numbers = self._row_numbers[rows]
        return self._kept[0][numbers] if self._kept else self._predict(numbers)

    def subset(self, mask: npt.NDArray[np.bool_]) -> LazyProbs:
        """Return the rows that `mask` (n,) marks. Both objects share the rows that are already computed."""
        return LazyProbs(self._predict, self._count, self._row_numbers[mask], self._kept)

    def to_array(self) -> Floats:
        """Return all rows (n, C) in memory. If they are the whole source, they are not copied."""
        if not self._kept:
            self._kept.append(self._predict(np.arange(self._count)))
        return self._kept[0] if len(self) == self._count else self._kept[0][self._row_numbers]
