"""What a campaign leaves behind: exports, and the words and tables that sum it up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alframe.engine.model import Model
from alframe.errors import LabelError
from alframe.loop.compare import Histories, average, difference
from alframe.loop.round import Work, embed_pool, learn, train_embedding
from alframe.loop.session import Session
from alframe.types import Predictions, RoundRecord


def export_results(session: Session, work: Work) -> list[Path]:
    """Let every exporter write below `export/`, and give the files and folders there.

    Raises LabelError if there are too few labels for a model.
    """
    if work.head is None:
        train_embedding(session, work)
        embed_pool(session, work)
        learn(session, work)
    if work.head is None or work.embedder is None or work.embedding is None or work.training is None:
        raise LabelError(
            "There is no model to export yet: it takes labels of at least two classes. Label more and run again."
        )
    model = Model(work.embedder, work.head, work.training.classes, session.recipes["backbone"], session.recipes["head"])
    keys = np.flatnonzero(work.embedding.readable & work.manifest.present)
    answered = {label.item: label.class_name for label in session.ledger.labels()}
    predictions = Predictions(
        items=[work.manifest.items[key] for key in keys.tolist()],
        probs=work.head.probs(work.embedding.features[keys]),
        classes=work.training.classes,
        labels=[answered.get(key) for key in keys.tolist()],
    )
    folder = session.folder / "export"
    folder.mkdir(parents=True, exist_ok=True)
    written = [path for exporter in session.exporters for path in exporter.export(predictions, model, folder)]
    # A model is many files to a computer and one folder to a person.
    return list(dict.fromkeys(folder / path.relative_to(folder).parts[0] for path in written))


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
    note = f"Accuracy on {evaluation.n} {evaluation.basis}; in brackets Wilson's 95 % interval."
    return table(("labels", "accuracy"), rows) + f"\n{note}"


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
    note = f"Accuracy on held-out images: {over}."
    if seeds > 1 and others:
        header.append("difference")
        gap = difference(histories[sampler], histories[others[0]])
        rows = [(*row, _signed(m, lo, hi)) for row, m, lo, hi in zip(rows, gap.mean, gap.low, gap.high, strict=True)]
        note += f"\nDifference: {sampler} minus {others[0]}, seed by seed; the same test images and start."
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
