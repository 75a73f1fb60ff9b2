"""Decide which evaluation of a campaign is shown first, and which evaluation gives the numbers of each class."""

from __future__ import annotations

from collections.abc import Sequence

from alframe.types import Evaluation, RoundRecord


def find_leading_evaluation(history: Sequence[RoundRecord]) -> tuple[RoundRecord, Evaluation] | None:
    """Return the evaluation that is shown first everywhere, and its round, or None if there is none.

    It is the newest audit, even if this has few images, because it estimates the accuracy on the pool. Without an audit
    it is the newest evaluation on other images. If the last round gives a reason why it has no evaluation, evaluations
    of earlier rounds are not returned.
    """
    for record in reversed(history):
        if record.audit is not None:
            return record, record.audit
    if not history or history[-1].no_evaluation:
        return None
    return next(((record, record.evaluation) for record in reversed(history) if record.evaluation), None)


def find_per_class_evaluation(history: Sequence[RoundRecord]) -> Evaluation | None:
    """Return the evaluation that gives the numbers of each class.

    It is the evaluation that is shown first. If this has few images, it is the other evaluation of the same round,
    because most classes have at most one image in a small audit.
    """
    leading = find_leading_evaluation(history)
    if leading is None:
        return None
    record, evaluation = leading
    return record.evaluation if evaluation.is_small and record.evaluation is not None else evaluation
