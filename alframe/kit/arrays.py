"""Convert arrays of users to the arrays that parts need, and refuse input that must be a mistake."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from alframe.errors import BadParams
from alframe.kit.chunks import row_slices
from alframe.types import Floats, Ints

PROB_SUM_TOLERANCE = 1e-3  # of the sum of a row of probabilities: half precision passes, logits do not

Array = npt.NDArray[Any]


def as_features(x: Any, name: str = "features") -> Floats:
    """Return embeddings as float32 (N, D). `x` is an array, a memory map, a tensor, a DataFrame or nested lists.

    An array of float32 is not copied, and a memory map is not read. Raises BadParams with the argument `name` for
    another shape, for values that are not numbers, and for numbers that are not finite.
    """
    array = as_array(x, name)
    if array.ndim != 2:
        hint = " One row for each image is needed: reshape(-1, 1) makes rows of single numbers." * (array.ndim == 1)
        raise BadParams(f"{name} has the shape {array.shape}; it must be (N, D), a row for each image.{hint}")
    if array.dtype.kind not in "fiub":
        raise BadParams(f"{name} holds {array.dtype}, not numbers. Leave out all columns but the embedding.")
    if not array.shape[1]:
        raise BadParams(f"{name} has the shape {array.shape}: its rows are empty. Give embeddings.")
    features = array if array.dtype == np.float32 else _as_float32(array)
    _require_finite_rows(features, name)
    return features


def as_probs(x: Any, name: str = "probs") -> Floats:
    """Return class probabilities as float32 (..., C). Raises BadParams for other values, such as logits."""
    probs = as_array(x, name)
    if probs.ndim < 2 or probs.dtype.kind not in "fiub":
        raise BadParams(f"{name} has the shape {probs.shape} of {probs.dtype}; it must be (N, C).")
    probs = _as_float32(probs)
    _require_finite_rows(probs.reshape(-1, probs.shape[-1]), name)
    sums = probs.sum(axis=-1)
    wrong = (np.abs(sums - 1) > PROB_SUM_TOLERANCE) | (probs.min(axis=-1, initial=0) < 0)
    if wrong.any():
        first = np.array2string(probs[wrong][0], precision=3, threshold=6)
        raise BadParams(
            f"{name}: {np.count_nonzero(wrong)} of {wrong.size} rows are not probabilities (at least 0, sum 1); "
            f"the first: {first}. If these are logits, apply scipy.special.softmax({name}, axis=-1)."
        )
    return probs


def as_keys(x: Any, keys: Any = None) -> Array:
    """Return the keys (N,) of the rows of `x`: `keys`, or else the index of a DataFrame, or else the row numbers.

    Raises BadParams if the number of keys differs from the number of rows, or if a key occurs twice.
    """
    count = len(x)
    if keys is None:
        keys = x.index if _is_pandas(x) else np.arange(count)
    array = _one_dimensional(keys, "keys")
    if len(array) != count:
        raise BadParams(f"keys: there are {len(array)} for {count} rows of features; there must be one for each row.")
    values, counts = np.unique(array, return_counts=True)
    if len(values) != count:
        twice = values[counts > 1]
        raise BadParams(f"keys: {twice.tolist()[0]!r} is given {counts.max()} times; each row needs its own key.")
    return array


def as_row_numbers(chosen: Any, keys: Array, name: str) -> Ints:
    """Return the numbers (m,) of the rows that `chosen` names. `chosen` is a mask (N,), or some of the `keys` (N,).

    Raises BadParams for a key that does not exist or occurs twice, and for a mask of another length.
    """
    array = _one_dimensional(chosen, name)
    if array.dtype == np.bool_:
        if len(array) != len(keys):
            raise BadParams(f"{name}: the mask has {len(array)} entries for {len(keys)} rows. Give one for each row.")
        return np.flatnonzero(array)
    if not len(array):
        return np.zeros(0, np.int64)
    if array.dtype.kind == "f" and (array != np.floor(array)).any() and keys.dtype.kind in "iu":
        raise BadParams(f"{name} holds numbers such as {array[array != np.floor(array)][0]}: give keys, or a mask.")
    order = np.argsort(keys, kind="stable")
    try:
        positions = np.searchsorted(keys, array, sorter=order).clip(max=len(keys) - 1)
        rows = order[positions]
        strangers = keys[rows] != array
    except TypeError:
        strangers = np.ones(len(array), np.bool_)
    if np.any(strangers):
        raise BadParams(
            f"{name}: {np.count_nonzero(strangers)} of {len(array)} are not keys of the features; the first: "
            f"{array[strangers].tolist()[0]!r}. Give keys such as {keys.tolist()[0]!r}."
        )
    values, counts = np.unique(rows, return_counts=True)
    if len(values) != len(rows):
        raise BadParams(
            f"{name}: {keys[values].tolist()[counts.argmax()]!r} is named {counts.max()} times. Name it once."
        )
    return np.asarray(rows, np.int64)


def as_labels(x: Any, name: str = "labels") -> Array:
    """Return labels as an array (m,). Missing labels stay as they are. Raises BadParams for another shape."""
    if not isinstance(x, np.ndarray) and isinstance(x, Collection) and not _is_pandas(x):
        array = np.empty(len(x), object)  # np.asarray would make the text "nan" of NaN among texts
        array[:] = list(x)
        return array
    return _one_dimensional(x, name)


def is_missing(labels: Array) -> npt.NDArray[np.bool_]:
    """Return which labels (m,) are missing: None, NaN, or an empty text."""
    if labels.dtype.kind == "f":
        return np.isnan(labels)
    if labels.dtype.kind in "iub":
        return np.zeros(len(labels), np.bool_)
    nothing: Any = None
    return np.asarray((labels == nothing) | (labels != labels) | (labels == ""), np.bool_)


def number_classes(labels: Sequence[Any] | Array, classes: Sequence[Any] = ()) -> tuple[Ints, tuple[Any, ...]]:
    """Return the class numbers (m,) of `labels` (m,), and the sorted list of all classes in `classes` or `labels`.

    Raises BadParams for labels that are missing, or that cannot be sorted because they are of several types.
    """
    array = as_labels(labels)
    missing = is_missing(array)
    if missing.any():
        raise BadParams(f"labels: {missing.sum()} of {len(array)} are missing; the first is label {missing.argmax()}.")
    if array.dtype.kind == "f" and (array == np.floor(array)).all():
        array = array.astype(np.int64)  # as pandas and scikit-learn write numbers where some are missing
    try:
        found, numbers = np.unique(array, return_inverse=True)
        known = sorted({*found.tolist(), *classes})
    except TypeError:
        kinds = sorted({type(label).__name__ for label in (*array.tolist(), *classes)})
        raise BadParams(f"labels are of several types: {', '.join(kinds)}. Make all of them texts.") from None
    number_of = {label: number for number, label in enumerate(known)}
    return np.array([number_of[label] for label in found.tolist()], np.int64)[numbers], tuple(known)


def as_array(x: Any, name: str) -> Array:
    """Return `x` as a NumPy array: arrays and memory maps unchanged, tensors and DataFrames without a copy if possible.

    Raises BadParams if its rows are of different lengths.
    """
    if isinstance(x, np.ndarray):
        return x
    torch = sys.modules.get("torch")  # what is a tensor has imported it
    if torch is not None and isinstance(x, torch.Tensor):
        x = x.detach().cpu()
        return np.asarray((x.float() if x.dtype == torch.bfloat16 else x).numpy())
    if _is_pandas(x):
        return np.asarray(x.to_numpy())
    try:
        return np.asarray(x)
    except ValueError as error:
        raise BadParams(f"{name} cannot be made an array: {error}. Give rows of equal length.") from None


def _one_dimensional(x: Any, name: str) -> Array:
    array = as_array(list(x) if isinstance(x, set | frozenset | range) else x, name)
    if array.ndim != 1:
        hint = f" Use {name}.ravel()." * (array.ndim == 2 and 1 in array.shape)
        raise BadParams(f"{name} has the shape {array.shape}; it must be a single row of values.{hint}")
    return array


def _is_pandas(x: object) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(x, pandas.DataFrame | pandas.Series | pandas.Index)


def _as_float32(x: Array) -> Floats:
    with np.errstate(over="ignore"):  # it becomes infinite, which is refused
        return x.astype(np.float32)


def _require_finite_rows(x: Floats, name: str) -> None:
    """Raise BadParams if a row of `x` (n, D) is not finite; a chunk is looked at at a time."""
    wrong, first = 0, None
    for rows in row_slices(len(x)):
        bad = ~np.isfinite(x[rows]).all(axis=1)
        if bad.any():
            first = rows.start + int(bad.argmax()) if first is None else first
            wrong += int(bad.sum())
    if wrong:
        raise BadParams(
            f"{name}: {wrong} of {len(x)} rows have numbers that are not finite in float32 (NaN or infinity); the "
            f"first is row {first}. Leave these rows out, or compute them again."
        )
