"""The elements of a page (sections with notes, figures and tables), and the names of measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from alframe.comparison.figures import FigureOfPage

MEASURE_TEXTS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "macro_precision": "macro precision",
}
CALIBRATION = {"calibration_error": "calibration error", "log_loss": "log loss"}


@dataclass(frozen=True, slots=True)
class TableOfPage:
    """A table: the name of its files, its title, its caption, all its numbers, and the shown part for page and LaTeX.

    A `long` table is hidden on the page until somebody opens it.
    """

    name: str
    title: str
    caption: str
    numbers: pd.DataFrame
    shown: pd.DataFrame
    long: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with its notes, figures and tables."""

    title: str
    notes: Sequence[str]
    figures: Sequence[FigureOfPage]
    tables: Sequence[TableOfPage]
