"""The rule `target_accuracy`: stop when the audit shows a high accuracy on the images without a label."""

from __future__ import annotations

from collections.abc import Sequence

from alframe.stopping.limits import reason_at_limit, reason_if_reached
from alframe.stopping.target import Target
from alframe.types import Estimate, RoundRecord


class TargetAccuracy(Target):
    """Stop when the accuracy on the images without a label is high enough.

    This accuracy is measured by the audit, i.e. on images drawn at random. `low` is the lower end of an interval that
    is valid for all rounds together (see `alframe.types.Estimate`). So a check in each round does not stop too early.
    """

    name = "target_accuracy"
    needs_audit = True  # without images drawn at random it would wait for ever

    def __init__(self, at_least: float = 0.9, metric: str = "low", labels: int | None = None) -> None:
        super().__init__(metric, at_least, labels)
        self.accuracy_target = at_least if metric == "low" else None

    def decide(self, history: Sequence[RoundRecord]) -> str | None:
        """See the Stopping contract; while too few images drawn at random are labelled, it goes on."""
        if not history:
            return None
        last = history[-1]
        awaited = f"{self.metric} of the audit was {self.at_least:.4g}"
        if last.audit is None:
            awaited += ": too few images drawn at random are labelled to measure it"
        rest = last.unlabelled_accuracy
        if self.metric == "low" and rest is not None:
            reason = _reason_if_proved(rest, self.at_least, last.labels)
        else:
            reason = reason_if_reached(last.audit, self.metric, self.at_least, last.labels)
        return reason or reason_at_limit(self.labels, last, awaited)


def _reason_if_proved(estimate: Estimate, at_least: float, labels: int) -> str | None:
    if estimate.always_low < at_least:
        return None
    return (
        f"The target is reached: the model is right on at least {100 * estimate.always_low:.1f} of 100 of the "
        f"{estimate.images:,} images without a label, and {100 * at_least:g} were required. ({labels} labels; "
        f"{estimate.n} images drawn at random; 97.5 % confidence, valid although the rule checks in every round.)"
    )
