"""A table of the runs of a sweep for the terminal: one row for each setting, over its seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alframe.comparison.choices import short_value, varying_choices
from alframe.comparison.runs import Run
from alframe.engine.measuring.curves import area_under_curve, mean_and_half_width
from alframe.tasks.accuracy_tables import format_table, name_unmeasured_classes
from alframe.types import Floats64


def sweep_table(runs: Sequence[Run]) -> str:
    """Return a table of the area under the learning curve and the last accuracy of each setting, with intervals.

    The values are means over the seeds. Each choice that varies has a column.
    """
    varying = varying_choices([run.choices for run in runs]) or ["sampler"]
    settings: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        settings.setdefault(tuple(short_value(run.choices.get(name)) for name in varying), []).append(run)
    rows, ends = [], set()
    for names, same in settings.items():
        areas = np.array([area_under_curve(run.history) or 0.0 for run in same])
        last = np.array([run.history[-1].evaluation.accuracy for run in same if run.history[-1].evaluation])
        labels = max(run.history[-1].labels for run in same)
        ends.add(labels)
        rows.append(
            (*names, str(len(same)), str(labels), _interval_over_seeds_cell(areas), _interval_over_seeds_cell(last))
        )
    bases = {record.evaluation.basis for run in runs for record in run.history if record.evaluation}
    note = f"Accuracy on {' or '.join(sorted(bases))}: the mean from first to last labels (area), and the last value."
    if len(ends) > 1:
        note += " Areas over other numbers of labels cannot be compared; `alframe compare` uses those that all have."
    seeds = "Means over seeds, in brackets Student's 95 % interval; a single seed has none."
    unmeasured = name_unmeasured_classes([run.history for run in runs])
    return f"{format_table((*varying, 'seeds', 'labels', 'area', 'last'), rows)}\n{note}\n{seeds}{unmeasured}"


def _interval_over_seeds_cell(values: Floats64) -> str:
    """Return the mean over the seeds, with its interval, as text."""
    if len(values) == 1:
        return f"{values[0]:.1%}"
    mean, half = mean_and_half_width(values)
    low, high = np.clip((mean - half, mean + half), 0, 1)  # of few seeds, Student's interval may go beyond
    return f"{mean:.1%} [{low:.1%}, {high:.1%}]"
