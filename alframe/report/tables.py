"""The numbers of the page's tables, ready for the template."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alframe.report.charts import CSS_COLOURS, curve_styles, is_baseline
from alframe.types import Curve, Evaluation, RoundRecord

MAX_MATRIX_CLASSES = 60  # a larger matrix cannot be read; its worst part is shown instead


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class: its labels so far, and its scores (0..1). A score that was not measured is None."""

    name: str
    labels: int
    support: int | None
    precision: float | None
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    f1: float | None


def class_rows(counts: Mapping[str, int], evaluation: Evaluation | None) -> list[ClassRow]:
    """Return a row for every class that has labels or was evaluated, in the order of the evaluation."""
    measured: dict[str, Mapping[str, float | None]] = {}
    if evaluation is not None:
        measured = dict(zip(evaluation.classes, evaluation.per_class, strict=True))
    rows = []
    for name in dict.fromkeys([*measured, *counts]):
        scores = measured.get(name, {})
        support = int(scores["support"] or 0) if "support" in scores else None
        # Without a test image of the class its recall is undefined, whatever number an old record has there.
        known = scores if support else {}
        keys = ("precision", "recall", "recall_low", "recall_high", "f1")
        rows.append(ClassRow(name, counts.get(name, 0), support, *(known.get(key) for key in keys)))
    return rows


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """A confusion matrix to draw: `rows` of (class, its images, cells). A cell is (count, share of its row)."""

    classes: list[str]
    rows: list[tuple[str, int, list[tuple[int, float]]]]
    left_out: int
    mistakes: list[tuple[int, int, str, str]]  # images, of so many, true class, predicted class


def confusion_matrix(evaluation: Evaluation) -> ConfusionMatrix:
    """Return the confusion matrix. Of many classes, it has those with the most mistakes and the five most common."""
    counts = np.array(evaluation.confusion, dtype=np.int64).reshape(len(evaluation.classes), -1)
    totals = counts.sum(axis=1)
    wrong = counts * (1 - np.eye(len(counts), dtype=np.int64))
    keep = np.arange(len(counts))
    if len(counts) > MAX_MATRIX_CLASSES:
        keep = np.sort(np.argsort(-(wrong.sum(axis=0) + wrong.sum(axis=1)), kind="stable")[:MAX_MATRIX_CLASSES])
    shares = counts / np.maximum(totals, 1)[:, None]
    names = evaluation.classes
    rows = [
        (names[i], int(totals[i]), list(zip(counts[i, keep].tolist(), shares[i, keep].tolist(), strict=True)))
        for i in keep
    ]
    worst = np.argsort(-wrong, axis=None, kind="stable")[:5]
    pairs = [divmod(int(flat), len(names)) for flat in worst]
    mistakes = [(int(wrong[i, j]), int(totals[i]), names[i], names[j]) for i, j in pairs if wrong[i, j]]
    return ConfusionMatrix([names[i] for i in keep], rows, len(counts) - len(keep), mistakes)


@dataclass(frozen=True, slots=True)
class LegendRow:
    """A curve and its legend. With `labels_to_baseline` labels, its mean reaches the baseline's last mean."""

    curve: Curve
    colour: str  # as a CSS value
    dashed: bool
    labels_to_baseline: int | None


def find_baseline(curves: Sequence[Curve]) -> Curve | None:
    """Return the curve of random choice, if it was run."""
    return next((curve for curve in curves if is_baseline(curve)), None)


def legend_rows(curves: Sequence[Curve]) -> list[LegendRow]:
    """Return one row per curve. The curve with the best last mean is first."""
    baseline = find_baseline(curves)
    goal = baseline.mean[-1] if baseline else math.inf
    rows = []
    for curve, (colour, dashes) in zip(curves, curve_styles(curves), strict=True):
        labels_to_baseline = next((n for n, mean in zip(curve.labels, curve.mean, strict=True) if mean >= goal), None)
        rows.append(LegendRow(curve, CSS_COLOURS[colour], dashes != "-", labels_to_baseline))
    return sorted(rows, key=lambda row: -row.curve.mean[-1])


def curve_points(curves: Sequence[Curve]) -> list[tuple[int, list[tuple[float, float, float] | None]]]:
    """Return, for every number of labels, each curve's (mean, low, high) there, or None."""
    tables = [
        dict(zip(curve.labels, zip(curve.mean, curve.low, curve.high, strict=True), strict=True)) for curve in curves
    ]
    return [(labels, [table.get(labels) for table in tables]) for labels in sorted(set().union(*tables))]


def round_rows(history: Sequence[RoundRecord]) -> list[tuple[RoundRecord, int, float]]:
    """Return every round with the labels it added and its seconds."""
    before = [0, *(record.labels for record in history)]
    return [
        (record, record.labels - earlier, sum(record.seconds.values()))
        for record, earlier in zip(history, before, strict=False)
    ]
