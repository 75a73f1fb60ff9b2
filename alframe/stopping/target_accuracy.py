"""Stop when the model is good enough on the pool, as far as images drawn at random can tell."""

from __future__ import annotations

from collections.abc import Sequence

from alframe.stopping.limits import reason_if_reached, reason_if_spent
from alframe.stopping.target import Target
from alframe.types import RoundRecord


class TargetAccuracy(Target):
    """Stop when a metric of the audit, measured on images drawn at random, is high enough.

    `at_least`: the fraction to be reached.
    `metric`: any number of alframe.types.Evaluation; `low` is the lower end of the accuracy's 95 % interval.
    `labels`: number of labels at which to stop in any case; None: no limit.
    """

    name = "target_accuracy"
    needs_audit = True  # without images drawn at random it would wait for ever

    def __init__(self, at_least: float = 0.9, metric: str = "low", labels: int | None = None) -> None:
        super().__init__(metric, at_least, labels)

    def decide(self, history: Sequence[RoundRecord]) -> str | None:
        """See the Stopping contract; while too few images drawn at random are labelled, it goes on."""
        if not history:
            return None
        last = history[-1]
        awaited = f"{self.metric} of the audit was {self.at_least:.4g}"
        if last.audit is None:
            awaited += ": too few images drawn at random are labelled to measure it"
        reason = reason_if_reached(last.audit, self.metric, self.at_least, last.labels)
        return reason or reason_if_spent(self.labels, last, awaited)
