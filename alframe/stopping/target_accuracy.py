"""Stop when the model is good enough on the pool, as far as images drawn at random can tell."""

from __future__ import annotations

from collections.abc import Sequence

from alframe.stopping.checks import check_labels, check_metric, reached, room, spent
from alframe.types import RoundRecord


class TargetAccuracy:
    """Until `metric` of the audit is `at_least` so much; with `labels`, at most so many labels all the same.

    `low`, the lower end of the accuracy's 95 % interval, does not stop for luck with a few images. Raises BadParams for
    an unknown metric, or a fraction outside 0..1.
    """

    needs_audit = True  # without images drawn at random it would wait for ever

    def __init__(self, at_least: float = 0.9, metric: str = "low", labels: int | None = None) -> None:
        check_metric("target_accuracy", metric, at_least)
        check_labels("target_accuracy", labels)
        self.at_least = at_least
        self.metric = metric
        self.labels = labels

    def decide(self, history: Sequence[RoundRecord]) -> str | None:
        """See the Stopping contract; while too few images drawn at random are labelled, it goes on."""
        if not history:
            return None
        last = history[-1]
        waited_for = f"{self.metric} of the audit was {self.at_least:.4g}"
        if last.audit is None:
            waited_for += ": too few images drawn at random are labelled to measure it"
        enough = reached(last.audit, self.metric, self.at_least, last.labels)
        return enough or spent(self.labels, last, waited_for)

    def room(self, labels: int) -> int | None:
        """See the Stopping contract."""
        return room(self.labels, labels)
