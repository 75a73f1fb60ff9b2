"""The learning curves of runs as one tidy table: curves.csv and curves.parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from alframe.comparison.choices import varying_choices
from alframe.comparison.runs import Run
from alframe.comparison.tidy import evaluated_round_rows
from alframe.settings.fields import format_for_command_line
from alframe.store.files import replace_atomically


def curves_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return a row for each run and evaluated round: the choices that vary, and the values of `evaluated_round_rows`.

    `classes_found` is the number of classes with a label. `class_balance` is the evenness of their counts.
    """
    varying = varying_choices([run.choices for run in runs]) or ["sampler"]
    columns = {name: _values_of_one_type([run.choices.get(name) for run in runs]) for name in varying}
    rows: list[dict[str, object]] = []
    for at, run in enumerate(runs):
        tidy = evaluated_round_rows(
            run.history, **{name: column[at] for name, column in columns.items()}, seed=run.seed
        )
        for row, counts in zip(tidy, run.class_counts, strict=True):
            found = {"classes_found": len(counts), "class_balance": class_balance(counts, len(run.pool_classes))}
            rows.append({**row, **found, "folder": str(run.folder)})
    return pd.DataFrame(rows)


def class_balance(counts: Mapping[str, int], classes: int) -> float:
    """Return the evenness of class counts, 0 to 1: their Shannon entropy, divided by its value for equal counts.

    1: all `classes` have the same number of labels; 0: all labels are of one class. NaN without labels, or with fewer
    than two classes. Pielou 1966, "The measurement of diversity in different types of biological collections".
    """
    from scipy.stats import entropy

    classes = max(classes, len(counts))
    return float(entropy([*counts.values()]) / np.log(classes)) if counts and classes > 1 else float("nan")


def write_curve_tables(curves: pd.DataFrame, folder: Path) -> list[Path]:
    """Write curves.csv and curves.parquet into a folder; return their paths."""
    files = [folder / "curves.csv", folder / "curves.parquet"]
    with replace_atomically(files[0]) as temporary:
        curves.to_csv(temporary, index=False)
    with replace_atomically(files[1]) as temporary:
        curves.to_parquet(temporary, index=False)
    return files


def _values_of_one_type(values: Sequence[object]) -> Sequence[object]:
    """Return the values unchanged if all are numbers, else as texts, so that a column has one type."""
    are_numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return values if are_numbers else [format_for_command_line(value) for value in values]
