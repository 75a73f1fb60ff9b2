"""Runs of a sweep side by side: one row for each setting, over its seeds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from alframe.engine.measuring.curves import area_under_curve, t_interval
from alframe.store.ledger import LEDGER_NAME, Ledger
from alframe.tasks.accuracy_tables import describe_unmeasured, format_table
from alframe.types import RoundRecord


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a sweep."""

    folder: Path
    overrides: tuple[str, ...]

    @property
    def setting(self) -> str:
        """What was varied, but for the seed."""
        words = [word.lstrip("+") for word in self.overrides if not word.startswith("seed=")]
        return " ".join(words) or "defaults"


def sweep_curves(jobs: list[Job]) -> pd.DataFrame:
    """One row for each run and round: setting, folder, labels and the measures."""
    rows = [
        {
            "setting": job.setting,
            "folder": str(job.folder),
            "round": record.round,
            "labels": record.labels,
            "accuracy": record.evaluation.accuracy,
            "balanced_accuracy": record.evaluation.balanced_accuracy,
            "macro_f1": record.evaluation.macro_f1,
            "sklearn_macro_f1": record.evaluation.sklearn_macro_f1,
            "basis": record.evaluation.basis,
            "images": record.evaluation.n,
            "classes": len(record.evaluation.classes),
            "unmeasured_classes": "; ".join(record.evaluation.unmeasured_classes),
        }
        for job in jobs
        for record in _history(job)
        if record.evaluation is not None
    ]
    return pd.DataFrame(rows)


def sweep_table(jobs: list[Job]) -> str:
    """Area under the learning curve and the last accuracy of each setting, means over seeds with t intervals."""
    settings: dict[str, list[list[RoundRecord]]] = {}
    for job in jobs:
        settings.setdefault(job.setting, []).append(_history(job))
    common = _common_words(list(settings))
    rows = []
    for setting, histories in settings.items():
        measured = [history for history in histories if area_under_curve(history) is not None]
        areas = np.array([[area_under_curve(history) or 0.0] for history in measured])
        last = np.array([[history[-1].evaluation.accuracy] for history in measured if history[-1].evaluation])
        name = " ".join(word for word in setting.split(" ") if word not in common) or setting
        labels = str(max((history[-1].labels for history in measured), default=0))
        cells = _cell(areas, len(histories)), _cell(last, len(histories))
        rows.append((name, str(len(histories)), labels, *cells))
    runs = [history for histories in settings.values() for history in histories]
    bases = {record.evaluation.basis for history in runs for record in history if record.evaluation}
    on = " or ".join(sorted(bases)) or "held-out images"
    note = f"Accuracy on {on}: the mean over the labels spent (area), and with the last labels."
    seeds = "Means over seeds, in brackets Student's 95 % interval; a single seed has none."
    return (
        format_table(("setting", "seeds", "labels", "area", "last"), rows)
        + f"\n{note}\n{seeds}{describe_unmeasured(runs)}"
    )


def _history(job: Job) -> list[RoundRecord]:
    if not (job.folder / LEDGER_NAME).exists():
        return []
    with Ledger.open(job.folder, read_only=True) as ledger:
        return ledger.history()


def _common_words(settings: list[str]) -> set[str]:
    # Settings that all runs share tell nothing; with a single setting nobody knows what was meant to vary.
    return set.intersection(*(set(setting.split(" ")) for setting in settings)) if len(settings) > 1 else set()


def _cell(values: np.ndarray[tuple[int, int], np.dtype[np.float64]], seeds: int) -> str:
    """Lay out the mean over the seeds that have a value, with its interval; where some have none, say how many do."""
    if not len(values):
        return "-"
    of = "" if len(values) == seeds else f" ({len(values)} of {seeds} seeds)"
    if len(values) == 1:
        return f"{values[0, 0]:.1%}{of}"
    mean, half = t_interval(values)
    low, high = np.clip((mean[0] - half[0], mean[0] + half[0]), 0, 1)  # of few seeds, Student's interval may go beyond
    return f"{mean[0]:.1%} [{low:.1%}, {high:.1%}]{of}"
