"""Helpers for exporters: the class of each item, the likeliest classes, and clear errors when writing fails."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alframe.chunks import row_slices
from alframe.errors import StoreError
from alframe.kit.tables import FORMULA_STARTS
from alframe.types import UNSURE, Floats, Label, Predictions

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FinalClasses:
    """The class of each item: its name, the confidence in it (1 for a label) and the label, or None if predicted."""

    class_names: Sequence[str]
    confidence: Floats
    labels: Sequence[Label | None]


def final_classes(predictions: Predictions) -> FinalClasses:
    """Return the labelled class of each item, or the predicted class if the label is missing or unsure."""
    labels = [label if label and label.class_name != UNSURE else None for label in predictions.labels]
    class_names = np.array(predictions.classes, object)[predictions.probs.argmax(axis=1)].tolist()
    confidence = predictions.probs.max(axis=1).astype(np.float32)
    for row, label in enumerate(labels):
        if label is not None:
            class_names[row], confidence[row] = label.class_name, 1
    return FinalClasses(class_names, confidence, labels)


def top_classes(probs: Floats, count: int) -> tuple[npt.NDArray[np.int32], Floats]:
    """Return the numbers (n, k) and probabilities (n, k) of the k = `count` most probable classes of `probs` (n, C)."""
    order = np.empty((len(probs), min(count, probs.shape[1])), np.int32)
    for rows in row_slices(len(probs)):  # the sorted copy of a chunk is dropped before the next
        order[rows] = np.argsort(-probs[rows], axis=1, kind="stable")[:, : order.shape[1]]
    return order, np.take_along_axis(probs, order.astype(np.intp), axis=1)


def warn_of_formulas(file: Path, cells: Iterable[str | None]) -> None:
    """Log the number of cells that a spreadsheet program would run as formulas. The cells are not changed."""
    formulas = [cell for cell in cells if cell and cell.startswith(FORMULA_STARTS)]
    if formulas:
        log.warning(
            "%s: %d cells begin with =, +, - or @ (the first: %r), which spreadsheet programs calculate. Import the "
            "columns as text.",
            *(file, len(formulas), formulas[0]),
        )


@contextmanager
def explain_write_errors(target: Path) -> Iterator[None]:
    """Turn any OSError in the block into a StoreError with a remedy for `target`."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{target} cannot be replaced: {error}. Close it if it is open in another program, make room if the disk "
            "is full, and export again. The earlier export is unchanged."
        ) from error
