"""Runs that never ran, with curves that are given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from alframe.comparison.runs import Run
from alframe.types import Evaluation, RoundRecord

AT = datetime(2026, 1, 1, tzinfo=UTC)


def made_up_run(
    sampler: str,
    seed: int,
    accuracies: Sequence[float],
    labels: Sequence[int] = (20, 30, 40),
    unlabelled: int = 100,
    items: str = "same",
    **choices: object,
) -> Run:
    """A run with these accuracies at these numbers of labels; `choices` are its other ones, "head" for example."""
    history = [
        RoundRecord(
            round=number,
            labels=count,
            unlabelled=unlabelled,
            set_aside=0,
            classes=("a", "b"),
            evaluation=evaluation(accuracy),
            fingerprint="f",
            seconds={"selection": 0.1 * number, "head": 0.2},
            at=AT,
        )
        for number, (count, accuracy) in enumerate(zip(labels, accuracies, strict=True), 1)
    ]
    parts = {"pool": "digits", "sampler": sampler, "head": "linear", **choices}
    counts = [{"a": count - 5, "b": 5} for count in labels]
    folder = Path(f"{sampler}-{seed}-{len(labels)}")
    return Run(folder, seed, parts, history, counts, frozenset({"a", "b", "c"}), items, {"alframe": "1"}, {})


def evaluation(accuracy: float) -> Evaluation:
    """An evaluation of a hundred images with this accuracy, and a macro-F1 a little below it."""
    scores = {"precision": accuracy, "recall": accuracy, "f1": accuracy, "support": 50}
    return Evaluation(
        basis="held-out images",
        n=100,
        accuracy=accuracy,
        low=accuracy - 0.1,
        high=accuracy + 0.1,
        balanced_accuracy=accuracy,
        macro_precision=accuracy,
        macro_recall=accuracy,
        macro_f1=accuracy - 0.01,
        classes=("a", "b"),
        confusion=((45, 5), (5, 45)),
        per_class=(scores, scores),
        log_loss=1 - accuracy,
        calibration_error=0.1,
    )
