"""Decide which evaluation of a campaign is shown first, and which evaluation gives the numbers of each class."""

from __future__ import annotations

from collections.abc import Sequence

from alframe.types import Evaluation, RoundRecord


def find_leading_evaluation(history: Sequence[RoundRecord]) -> tuple[RoundRecord, Evaluation] | None:
    """Return the evaluation that is shown first everywhere, and its round, or None if there is none.

    It is the newest audit, which speaks of the pool, however few its images are. Without an audit it is the newest
    evaluation on other images. One of an earlier model does not lead where the last round says why it has none.
    """
    for record in reversed(history):
        if record.audit is not None:
            return record, record.audit
    if not history or history[-1].no_evaluation:
        return None
    return next(((record, record.evaluation) for record in reversed(history) if record.evaluation), None)


def find_per_class_evaluation(history: Sequence[RoundRecord]) -> Evaluation | None:
    """Return the evaluation that gives the numbers of each class.

    It is the evaluation that is shown first, or another evaluation of the same round if this has more images.

    An audit of few images has none or one of most classes.
    """
    leading = find_leading_evaluation(history)
    if leading is None:
        return None
    record, evaluation = leading
    return record.evaluation if evaluation.is_small and record.evaluation is not None else evaluation
