"""Look up many paths at once, ignoring case, and find ambiguous paths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat

import numpy as np

from alframe.formats.path_text import casefold_paths
from alframe.types import Ints

NOT_FOUND, AMBIGUOUS = -1, -2


class PathTable:
    """Numbers of normalised paths, looked up without case. Case decides if paths differ in nothing else."""

    def __init__(self, normal: Sequence[str]) -> None:
        self.keys = casefold_paths(normal)
        self.caseless = dict(zip(self.keys, range(len(normal)), strict=True))
        self._prefix_as_written: dict[str, int] = {}
        if len(self.caseless) < len(normal):
            twins = {path for path, times in Counter(self.keys).items() if times > 1}
            self.caseless |= dict.fromkeys(twins, AMBIGUOUS)
            rows = [row for row, path in enumerate(self.keys) if path in twins]
            times = Counter(normal[row] for row in rows)
            self._prefix_as_written = {normal[row]: row if times[normal[row]] == 1 else AMBIGUOUS for row in rows}

    def find(self, caseless: Sequence[str], normal: Callable[[int], str]) -> Ints:
        """Return the number of each path without case. `normal(row)` is the path with case, if case must decide."""
        numbers = look_up_numbers(self.caseless, caseless)
        for row in np.flatnonzero(numbers == AMBIGUOUS).tolist():
            numbers[row] = self._prefix_as_written.get(normal(row), AMBIGUOUS)
        return numbers


def look_up_numbers(table: Mapping[str, int], paths: Sequence[str]) -> Ints:
    """Return (n,) the number of each path in the table, or NOT_FOUND."""
    return np.fromiter(map(table.get, paths, repeat(NOT_FOUND)), np.int64, len(paths))


def merge_agreeing(first: Ints, second: Ints) -> Ints:
    """Return the images of paths that may be relative to either of two folders.

    If a path would be different images, the folder counts to which the other paths are relative.
    """
    numbers = np.where(first >= 0, first, np.where(second >= 0, second, first))
    differ = (first >= 0) & (second >= 0) & (first != second)
    if differ.any():
        only_first, only_second = ((first >= 0) & (second < 0)).any(), ((second >= 0) & (first < 0)).any()
        numbers[differ] = AMBIGUOUS
        if only_first != only_second:
            numbers[differ] = (first if only_first else second)[differ]
    return numbers
