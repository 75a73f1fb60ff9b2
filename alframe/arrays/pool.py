"""The pool of a user who has only arrays, and its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alframe.errors import BadParams
from alframe.kit.arrays import as_features, as_keys, as_labels, as_row_numbers, is_missing, number_classes
from alframe.types import Floats, Ints

Keys = npt.NDArray[Any]  # (N,): what rows are called, texts or numbers


@dataclass(frozen=True, slots=True)
class ArrayPool:
    """Embeddings (N, D), the keys (N,) of the rows, and the number (N,) of each row's sequence, -1 for none."""

    features: Floats
    keys: Keys
    sequences: Ints

    def __len__(self) -> int:
        return len(self.keys)


def make_array_pool(features: Any, keys: Any = None, sequences: Any = None) -> ArrayPool:
    """Make a pool from array-likes. If `features` is a pool already, return it.

    `sequences` (N,) has the name of each row's burst, or None, NaN or "" for a row without a burst.
    """
    if isinstance(features, ArrayPool):
        return features
    x = as_features(features)
    names = as_keys(features, keys)
    if sequences is None:
        return ArrayPool(x, names, np.full(len(x), -1))
    texts = as_labels(sequences, "sequences")
    if len(texts) != len(x):
        raise BadParams(f"sequences: there are {len(texts)} for {len(x)} rows of features; give one for each row.")
    has_none = is_missing(texts)
    numbers = np.full(len(x), -1)
    numbers[~has_none] = np.unique(texts[~has_none].astype(str), return_inverse=True)[1]
    return ArrayPool(x, names, numbers)


@dataclass(frozen=True, slots=True)
class RowLabels:
    """The rows (m,) with a label, their class numbers `y` (m,), and the classes by number."""

    rows: Ints
    y: Ints
    classes: tuple[Any, ...]

    @property
    def has_two_classes(self) -> bool:
        """Whether the labels have two classes, so that a head can be fitted."""
        return len(np.unique(self.y)) > 1


def read_row_labels(keys: Keys, labelled: Any, labels: Any, classes: Sequence[Any] = ()) -> RowLabels:
    """Return the labels of a pool with these `keys` (N,).

    `labels` are the labels of the rows `labelled` (keys or a mask), in the same order; or the labels of all N rows, of
    which only those of `labelled` rows count, and no missing ones (None, NaN, ""); or a mapping or Series from key to
    class. Labelled rows without `labels` have the class number 0. Raises BadParams for other values.
    """
    if labels is None:
        rows = np.zeros(0, np.int64) if labelled is None else as_row_numbers(labelled, keys, "labelled")
        return RowLabels(rows, np.zeros(len(rows), np.int64), tuple(classes))
    is_by_key = isinstance(labels, Mapping) or (labelled is None and _is_series(labels))
    if is_by_key:
        given = dict(labels)
        rows, values = as_row_numbers(list(given), keys, "labels"), as_labels(given.values())
    else:
        values = as_labels(labels)
        rows = np.arange(len(keys)) if labelled is None else as_row_numbers(labelled, keys, "labelled")
        if len(values) == len(keys) and labelled is not None:
            values = values[rows]
    if len(values) != len(rows):
        known = "rows of features" if labelled is None else "labelled rows"
        raise BadParams(f"labels: there are {len(values)} for {len(rows)} {known}. Give one for each, or a mapping.")
    if labelled is None:
        present = ~is_missing(values)
        rows, values = rows[present], values[present]
    y, known_classes = number_classes(values, classes)
    return RowLabels(rows, y, known_classes)


def _is_series(x: Any) -> bool:
    return type(x).__module__.partition(".")[0] == "pandas" and type(x).__name__ == "Series"
