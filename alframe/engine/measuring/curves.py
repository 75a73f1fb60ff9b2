"""Learning curves: means over runs, their intervals and differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from alframe.engine.measuring.intervals import CONFIDENCE
from alframe.types import Curve, Floats64, RoundRecord

Histories = Mapping[str, Sequence[Sequence[RoundRecord]]]  # sampler -> one history a seed


def mean_curve(name: str, histories: Sequence[Sequence[RoundRecord]]) -> Curve:
    """Return the mean accuracy over runs, at the numbers of labels that all of them measured.

    The interval is Student's t over seeds; for a single run it is Wilson's interval over its test images.
    """
    labels, values = _common_counts_and_accuracies(histories)
    if len(histories) == 1:
        by_labels = {record.labels: record.evaluation for record in histories[0] if record.evaluation is not None}
        evaluations = [by_labels[count] for count in labels]
        return Curve(
            name, labels, values[0].tolist(), [e.low for e in evaluations], [e.high for e in evaluations], seeds=1
        )
    mean, half = mean_and_half_width(values)
    low, high = np.clip(mean - half, 0, 1), np.clip(mean + half, 0, 1)
    return Curve(name, labels, mean.tolist(), low.tolist(), high.tolist(), len(histories))


def difference_curve(ours: Sequence[Sequence[RoundRecord]], theirs: Sequence[Sequence[RoundRecord]]) -> Curve:
    """Return the mean of (ours - theirs), paired by seed, with Student's t interval; needs at least two seeds."""
    labels = sorted(set(_common_counts_and_accuracies(ours)[0]) & set(_common_counts_and_accuracies(theirs)[0]))
    values = _common_counts_and_accuracies(ours, labels)[1] - _common_counts_and_accuracies(theirs, labels)[1]
    mean, half = mean_and_half_width(values)
    low, high = np.clip(mean - half, -1, 1), np.clip(mean + half, -1, 1)
    return Curve("difference", labels, mean.tolist(), low.tolist(), high.tolist(), len(values))


def area_under_curve(history: Sequence[RoundRecord]) -> float | None:
    """Return the area under the learning curve, scaled to 0..1: the mean accuracy over the labels (trapezoids)."""
    points = [(record.labels, record.evaluation.accuracy) for record in history if record.evaluation is not None]
    if not points:
        return None
    labels, accuracies = np.array(points, float).T
    return float(mean_over_labels(labels, accuracies))


def mean_over_labels(labels: Floats64, values: Floats64) -> Floats64:
    """Return (...) the mean of `values` (..., k) over `labels` (k,), with straight lines between the points."""
    width = labels[-1] - labels[0]
    return np.asarray(np.trapezoid(values, labels) / width if width else values.mean(axis=-1), np.float64)


def _common_counts_and_accuracies(
    histories: Sequence[Sequence[RoundRecord]], labels: Sequence[int] | None = None
) -> tuple[list[int], Floats64]:
    """Return the label counts, and accuracies (runs, counts)."""
    tables = [{r.labels: r.evaluation.accuracy for r in history if r.evaluation is not None} for history in histories]
    common = sorted(set.intersection(*map(set, tables))) if labels is None else list(labels)
    return common, np.array([[table[count] for count in common] for table in tables])


def mean_and_half_width(values: Floats64) -> tuple[Floats64, Floats64]:
    """Return the mean over the rows of `values` (n, ...), and half the width of Student's t interval."""
    from scipy.stats import t

    runs = len(values)
    half = t.ppf((1 + CONFIDENCE) / 2, runs - 1) * values.std(axis=0, ddof=1) / np.sqrt(runs)
    return values.mean(axis=0), half
