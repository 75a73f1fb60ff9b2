"""Accuracy in plain text: one run, and runs side by side."""

from __future__ import annotations

from collections.abc import Sequence

from alframe.engine.curves import Histories, average, difference
from alframe.engine.evaluate import CROSS_VALIDATED
from alframe.types import Evaluation, RoundRecord


def accuracy_table(history: Sequence[RoundRecord]) -> str:
    """Accuracy with its interval by number of labels, of one run."""
    measured = [record for record in history if record.evaluation is not None]
    if not measured:
        return "Nothing measured yet: it takes labels of at least two classes, and images to test on."
    curve = average("accuracy", [measured])
    evaluation = measured[-1].evaluation
    assert evaluation is not None
    rows = [
        (f"{n}", _with_interval(m, lo, hi))
        for n, m, lo, hi in zip(curve.labels, curve.mean, curve.low, curve.high, strict=True)
    ]
    note = f"Accuracy on {evaluation.n} {evaluation.basis}; in brackets Wilson's 95 % interval.{caution(evaluation)}"
    return table(("labels", "accuracy"), rows) + f"\n{note}"


def caution(evaluation: Evaluation) -> str:
    """What must be said beside a number that was not measured on held-out images."""
    if evaluation.basis != CROSS_VALIDATED:
        return ""
    return (
        "\nThese images were chosen for being hard, and come from the places and days the model has seen: on others\n"
        "expect another accuracy, at new places a lower one. For a real test set, give labelled images that are kept\n"
        "for testing: pool.test_root=FOLDER, or a split column."
    )


def comparison_table(histories: Histories, sampler: str) -> str:
    """Accuracy by number of labels, means over seeds, of the sampler and the baseline, and their difference."""
    curves = {name: average(name, runs) for name, runs in histories.items()}
    others = [name for name in histories if name != sampler]
    seeds = curves[sampler].seeds
    header = ["labels", *(name for name in (sampler, *others))]
    columns = [_cells(curves[name].mean, curves[name].low, curves[name].high) for name in (sampler, *others)]
    counts = sorted(set.intersection(*(set(curve.labels) for curve in curves.values())))
    keep = [[curves[name].labels.index(n) for n in counts] for name in (sampler, *others)]
    rows = [(str(n), *(column[at[i]] for column, at in zip(columns, keep, strict=True))) for i, n in enumerate(counts)]
    over = f"means over {seeds} seeds, in brackets Student's 95 % interval" if seeds > 1 else "Wilson's 95 % interval"
    bases = {record.evaluation.basis for record in histories[sampler][0] if record.evaluation is not None}
    note = f"Accuracy on {' and '.join(sorted(bases))}: {over}."
    if seeds > 1 and others:
        header.append("difference")
        gap = difference(histories[sampler], histories[others[0]])
        rows = [(*row, _signed(m, lo, hi)) for row, m, lo, hi in zip(rows, gap.mean, gap.low, gap.high, strict=True)]
        note += f"\nDifference: {sampler} minus {others[0]}, seed by seed; the same split and start."
    return table(tuple(header), rows) + f"\n{note}"


def _cells(mean: Sequence[float], low: Sequence[float], high: Sequence[float]) -> list[str]:
    return [_with_interval(*one) for one in zip(mean, low, high, strict=True)]


def _with_interval(mean: float, low: float, high: float) -> str:
    return f"{mean:6.1%} [{low:.1%}, {high:.1%}]"


def _signed(mean: float, low: float, high: float) -> str:
    return f"{100 * mean:+5.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[at]) for row in (header, *rows)) for at in range(len(header))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (header, *rows)]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
