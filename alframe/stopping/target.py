"""Stop when the head is good enough."""

from __future__ import annotations

from collections.abc import Sequence

from alframe.stopping.checks import check_labels, check_metric, reached, room, spent
from alframe.types import RoundRecord


class Target:
    """Until `metric` of the evaluation is `at_least` so much; with `labels`, at most so many labels all the same.

    `metric` is any number of alframe.types.Evaluation: `low` asks that the accuracy is that high with 97.5 %
    confidence, not just this once. Raises BadParams for an unknown metric, or a fraction outside 0..1.
    """

    def __init__(self, metric: str = "accuracy", at_least: float = 0.95, labels: int | None = None) -> None:
        check_metric("target", metric, at_least)
        check_labels("target", labels)
        self.metric = metric
        self.at_least = at_least
        self.labels = labels

    def decide(self, history: Sequence[RoundRecord]) -> str | None:
        """See the Stopping contract; without an evaluation there is nothing to compare, and it goes on."""
        if not history:
            return None
        last = history[-1]
        enough = reached(last.evaluation, self.metric, self.at_least, last.labels)
        return enough or spent(self.labels, last, f"{self.metric} was {self.at_least:.4g}")

    def room(self, labels: int) -> int | None:
        """See the Stopping contract."""
        return room(self.labels, labels)
