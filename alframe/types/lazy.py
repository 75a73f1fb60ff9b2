"""Numbers about the pool that are read, or made, only for the rows that are looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from alframe.chunks import chunks
from alframe.types.images import Floats, Ints

DRAWN_ROWS = 32768  # of which draws are made at a time, or fewer
DRAWN_BYTES = 256 << 20  # that their draws take up at most

Index = slice | npt.NDArray[Any] | Sequence[int]


class LazyFeatures:
    """Rows of `source` (N, D), those numbered `at` (n,) or all, read where they are indexed: never copied as a whole.

    ``rows[3:9]``, ``rows[numbers]`` and ``rows[mask]`` give (r, D), ``rows[7]`` gives (D,).
    """

    def __init__(self, source: Floats, at: Ints | None = None) -> None:
        self._source = source.view()
        self._source.flags.writeable = False
        self._at = at

    def __len__(self) -> int:
        return len(self._source) if self._at is None else len(self._at)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self), self._source.shape[1]

    def __getitem__(self, rows: int | Index) -> Floats:
        found: Floats = self._source[rows if self._at is None else self._at[rows]]
        return found

    def subset(self, kept: npt.NDArray[np.bool_]) -> LazyFeatures:
        """Those of the mask `kept` (n,)."""
        return LazyFeatures(self._source, np.flatnonzero(kept) if self._at is None else self._at[kept])

    def to_array(self) -> Floats:
        """(n, D) all of them, in memory, unless `source` has just these."""
        return self[:]


class LazySamples:
    """Class probabilities of T draws of a head, `shape` (T, n, C), made where they are indexed.

    ``samples[:, 3:9]`` of the array is ``samples[3:9]`` here; numbers and a mask may stand for the slice. `make` gives
    them of the rows of its source numbered `at` (n,), or as indexed where that is None; by the same T models each time.
    """

    def __init__(self, make: Callable[[Any], Floats], shape: tuple[int, int, int], at: Ints | None = None) -> None:
        self._make = make
        self._at = at
        self.shape = shape

    @classmethod
    def of(cls, samples: Floats) -> LazySamples:
        """Those of an array (T, n, C), which is not copied."""
        kept = samples.view()
        kept.flags.writeable = False
        draws, n, classes = kept.shape

        def taken(rows: Index) -> Floats:
            found: Floats = kept[:, rows]
            # In numpy's own order for numbers, means over the draws would differ in the last bit.
            return found if isinstance(rows, slice) else np.ascontiguousarray(found)

        return cls(taken, (draws, n, classes))

    def __len__(self) -> int:
        return self.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes that all of them take up."""
        return int(np.prod(self.shape)) * np.dtype(np.float32).itemsize

    def __getitem__(self, rows: Index) -> Floats:
        return self._make(rows if self._at is None else self._at[rows])[: self.shape[0]]

    def subset(self, kept: npt.NDArray[np.bool_]) -> LazySamples:
        """Those of the mask `kept` (n,)."""
        at = np.flatnonzero(kept) if self._at is None else self._at[kept]
        return LazySamples(self._make, (self.shape[0], len(at), self.shape[2]), at)

    def first_draws(self, draws: int) -> LazySamples:
        """The first so many draws, if there are more."""
        return LazySamples(self._make, (min(draws, self.shape[0]), *self.shape[1:]), self._at)

    def chunks(self) -> list[slice]:
        """Slices of the n, one at least, of which the draws fit in memory."""
        draws, n, classes = self.shape
        return chunks(max(n, 1), DRAWN_ROWS, bytes_per_row=4 * draws * classes, limit=DRAWN_BYTES)

    def to_array(self) -> Floats:
        """(T, n, C) all of them, in memory."""
        if self._at is None:
            return self[:]
        out = np.empty(self.shape, np.float32)
        for part in self.chunks():
            out[:, part] = self[part]
        return out
