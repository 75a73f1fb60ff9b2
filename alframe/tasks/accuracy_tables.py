"""Tables of the accuracy in plain text: of one run, and of several runs."""

from __future__ import annotations

from collections.abc import Sequence

from alframe.engine.measuring.curves import Histories, difference_curve, mean_curve
from alframe.engine.measuring.evaluate import UNSEEN_BASIS
from alframe.engine.measuring.forecast import describe_forecast, forecast_or_reason
from alframe.kit.evaluations import classes_with_remarks, describe_pool_accuracy, describe_unmeasured_classes
from alframe.types import CROSS_VALIDATION_BASIS, Estimate, Evaluation, RoundRecord

FIRST_ROWS, LAST_ROWS = 2, 8  # of a table, which with its notes is to fit a screen of 24 lines


def accuracy_table(history: Sequence[RoundRecord]) -> str:
    """Return a table of a run's accuracy with its interval by number of labels: by evaluation, by audit, or both.

    If a campaign is long, the rows in the middle are left out, and a note gives their number.
    """
    newest: dict[int, RoundRecord] = {}
    for record in history:
        if record.evaluation or record.audit or record.no_evaluation:
            newest.pop(record.labels, None)  # the latest round goes last, also where labels were taken back
            newest[record.labels] = record
    records = list(newest.values())
    evaluations, audits = [record.evaluation for record in records], [record.audit for record in records]
    missing = records[-1].no_evaluation if records else ""
    columns, notes = {"labels": [str(record.labels) for record in records]}, []
    audit, evaluation = _last_measured(audits), _last_measured(evaluations)
    if audit:  # it speaks of the pool, so it leads, as in the report and in the browser
        audited = next(record for record in reversed(records) if record.audit is audit)
        if audited.unlabelled_accuracy:
            columns["without a label (audit)"] = [_audit_cell(record.unlabelled_accuracy) for record in records]
        columns["like the pool (audit)"] = [_audit_cell(audit) for audit in audits]
        notes += [f"{found}." for found in describe_pool_accuracy(audited)]
        if not audit.is_small:
            notes.append(f"Measured on {audit.n} {audit.basis} (95 % intervals): use these numbers.")
        notes.append(_unmeasured_classes_sentence(audit, "In the pool, "))
    if evaluation:
        columns["accuracy"] = [_accuracy_cell(evaluation) for evaluation in evaluations]
        notes.append(f"Accuracy on {evaluation.n} {evaluation.basis}. The brackets contain Wilson's 95 % interval.")
        notes.append(_unmeasured_classes_sentence(evaluation))
    notes.append(missing)
    if evaluation and not audit:
        notes.append(describe_caveat(evaluation).strip())
    if not isinstance(outlook := forecast_or_reason(history), str):
        notes.append(describe_forecast(outlook))
    if len(columns) == 1:
        return missing or (
            "Nothing is measured yet. The first accuracy is measured in the round after images of at least two classes "
            "have labels."
        )
    rows = list(zip(*columns.values(), strict=True))
    if len(rows) > FIRST_ROWS + LAST_ROWS + 1:
        left_out = len(rows) - FIRST_ROWS - LAST_ROWS
        rows = [*rows[:FIRST_ROWS], ("...",) * len(columns), *rows[-LAST_ROWS:]]
        notes.insert(0, f"{left_out} rows are left out here; the report shows all rounds.")
    return "\n".join([format_table(tuple(columns), rows), *filter(None, notes)])


def describe_unanswered_audit(count: int) -> str:
    """Return a line if `count` images of an audit have no label, else ""."""
    if not count:
        return ""
    have, if_hard = "images that were drawn at random have", "If they are harder than the others"
    if count == 1:
        have, if_hard = "image that was drawn at random has", "If it is harder than the others"
    return f"\n{count} {have} no label and could not be counted. {if_hard}, the accuracy is lower."


def _last_measured(evaluations: Sequence[Evaluation | None]) -> Evaluation | None:
    return next((evaluation for evaluation in reversed(evaluations) if evaluation is not None), None)


def _unmeasured_classes_sentence(evaluation: Evaluation, before: str = "") -> str:
    averages = describe_unmeasured_classes(evaluation)
    text = f"{before}{averages}"
    return f"{text[0].upper()}{text[1:]}." if averages else ""


def describe_caveat(evaluation: Evaluation) -> str:
    """Return a warning for an accuracy that was not measured on held-out images, else ""."""
    if evaluation.basis not in (CROSS_VALIDATION_BASIS, UNSEEN_BASIS):
        return ""
    return (
        "\nMost of these images were chosen because they are hard, at places and days that the model has seen.\n"
        "Expect a different accuracy on other images, and a lower accuracy at new places. For a real test set, give\n"
        "labelled images that are kept for testing: pool.test_root=FOLDER, or a split column."
    )


def comparison_table(histories: Histories, sampler: str) -> str:
    """Return a table of the mean accuracy of sampler and baseline by number of labels, and of their difference."""
    curves = {name: mean_curve(name, runs) for name, runs in histories.items()}
    names = [sampler, *(name for name in histories if name != sampler)]
    cells = {
        name: dict(zip(curve.labels, map(_interval_cell, curve.mean, curve.low, curve.high), strict=True))
        for name, curve in curves.items()
    }
    counts = sorted(set.intersection(*map(set, cells.values())))
    header, rows = ["labels", *names], [(str(count), *(cells[name][count] for name in names)) for count in counts]
    seeds = curves[sampler].seeds
    kind = f"means over {seeds} seeds, in brackets Student's 95 % interval" if seeds > 1 else "Wilson's 95 % interval"
    bases = {record.evaluation.basis for record in histories[sampler][0] if record.evaluation is not None}
    note = f"Accuracy on {' and '.join(sorted(bases))}: {kind}."
    if seeds > 1 and len(names) > 1:
        header.append("difference")
        gap = difference_curve(histories[sampler], histories[names[1]])
        rows = [
            (*row, f"{100 * mean:+5.1f} [{100 * low:+.1f}, {100 * high:+.1f}]")
            for row, mean, low, high in zip(rows, gap.mean, gap.low, gap.high, strict=True)
        ]
        note += f"\nDifference: {sampler} minus {names[1]}, seed by seed; the same split and start."
    unmeasured = name_unmeasured_classes([run for runs in histories.values() for run in runs])
    return format_table(tuple(header), rows) + f"\n{note}{unmeasured}"


def name_unmeasured_classes(histories: Sequence[Sequence[RoundRecord]]) -> str:
    """Return a line with the classes that some runs have no test image of, or ""."""
    evaluations = [found for history in histories if (found := _last_measured([each.evaluation for each in history]))]
    remarks: dict[str, list[str]] = {}
    for evaluation in evaluations:
        for name, remark in evaluation.unmeasured_classes.items():
            remarks.setdefault(name, []).append(remark)
    if not remarks:
        return ""
    runs = len(evaluations)
    named = {
        name: "; ".join(filter(None, [said[0], "" if runs == 1 else f"in {len(said)} of {runs} runs"]))
        for name, said in sorted(remarks.items())
    }
    return f"\nNo test image shows these classes, so no number includes them: {classes_with_remarks(named)}."


def _accuracy_cell(evaluation: Evaluation | Estimate | None) -> str:
    return "-" if evaluation is None else _interval_cell(evaluation.accuracy, evaluation.low, evaluation.high)


def _audit_cell(audit: Evaluation | Estimate | None) -> str:
    return f"{audit.low:.1%} to {audit.high:.1%}" if audit is not None and audit.is_small else _accuracy_cell(audit)


def _interval_cell(mean: float, low: float, high: float) -> str:
    return f"{mean:6.1%} [{low:.1%}, {high:.1%}]"


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in plain text, with right-aligned columns below a line."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (header, *rows)]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
