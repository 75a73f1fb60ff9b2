"""The rule `target`: stop when a measure of the evaluation is high enough."""

from __future__ import annotations

from collections.abc import Sequence

from alframe.stopping.limits import reason_at_limit, reason_if_reached, require_metric, require_valid_label_limit
from alframe.types import RoundRecord


class Target:
    """Stop when a measure of the evaluation is high enough.

    The evaluation is the accuracy and similar numbers on images from which the model has not learned. If `low` reaches
    `at_least`, the accuracy is at least this value with 97.5 % confidence.
    """

    name = "target"

    def __init__(self, metric: str = "accuracy", at_least: float = 0.95, labels: int | None = None) -> None:
        require_metric(self.name, metric, at_least)
        require_valid_label_limit(self.name, labels)
        self.metric, self.at_least, self.labels = metric, at_least, labels

    def decide(self, history: Sequence[RoundRecord]) -> str | None:
        """See the Stopping contract; without an evaluation there is nothing to compare, and it goes on."""
        if not history:
            return None
        last = history[-1]
        reason = reason_if_reached(last.evaluation, self.metric, self.at_least, last.labels)
        return reason or reason_at_limit(self.labels, last, f"{self.metric} was {self.at_least:.4g}")

    def labels_left(self, labels: int) -> int | None:
        return None if self.labels is None else max(0, self.labels - labels)
