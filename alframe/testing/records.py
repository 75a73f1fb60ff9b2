"""Records of rounds for tests of stopping rules and trackers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from alframe.types import UNLABELLED, WHOLE_POOL, Estimate, Evaluation, RoundRecord


def evaluation(accuracy: float, basis: str, n: int = 200) -> Evaluation:
    """Return an evaluation with this `accuracy` (to the percent) on `n` images of two classes.

    The second class was never predicted, so it has no precision.
    """
    correct = round(100 * accuracy)
    share, low, high = correct / 100, max(0.0, correct / 100 - 0.06), min(1.0, correct / 100 + 0.06)
    recall = {"recall": share, "recall_low": low, "recall_high": high, "f1": share, "support": 100.0}
    return Evaluation(
        basis=basis,
        n=n,
        accuracy=correct / 100,
        low=low,
        high=high,
        balanced_accuracy=correct / 100,
        macro_precision=correct / 100,
        macro_recall=correct / 100,
        macro_f1=correct / 100,
        classes=("empty", "übersehen"),
        confusion=((correct, 100 - correct), (100 - correct, correct)),
        per_class=({"precision": share, **recall}, {"precision": float("nan"), **recall}),
    )


def estimate(accuracy: float, population: str, images: int, n: int = 80) -> Estimate:
    """Return an estimate of this `accuracy` on `images`, from `n`; its intervals are 12 and 20 points wide."""
    low, high = max(0.0, accuracy - 0.06), min(1.0, accuracy + 0.06)
    return Estimate(population, images, n, accuracy, low, high, max(0.0, accuracy - 0.1), min(1.0, accuracy + 0.1))


def round_record(
    number: int,
    labels: int = 20,
    accuracy: float | None = 0.5,
    audit: float | None = None,
    audited: int = 80,
    unlabelled: float | None = None,
) -> RoundRecord:
    """Return the record of round `number` with two classes, and with the evaluation and the audit if they are given.

    `accuracy` and `audit` are the accuracies of both; the audit has `audited` images. `unlabelled` is the accuracy on
    the images without a label, which are half of all images.
    """
    return RoundRecord(
        round=number,
        labels=labels,
        unlabelled=1000 - labels,
        set_aside=0,
        classes=("empty", "übersehen"),
        evaluation=None if accuracy is None else evaluation(accuracy, "test split"),
        fingerprint="f00",
        seconds={"fit": 0.5, "select": 1.25},
        at=datetime(2024, 5, 1, 12, tzinfo=UTC) + timedelta(hours=number),
        audit=None if audit is None else evaluation(audit, "images drawn at random from the pool", audited),
        unlabelled_accuracy=None if unlabelled is None else estimate(unlabelled, UNLABELLED, 1000, audited),
        whole_pool_accuracy=None if unlabelled is None else estimate((1 + unlabelled) / 2, WHOLE_POOL, 2000, audited),
    )
