"""Stop when the head is good enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_type_hints

from alframe.errors import BadParams
from alframe.registry import did_you_mean
from alframe.types import Evaluation, RoundRecord

METRICS = [name for name, kind in get_type_hints(Evaluation).items() if kind in (int, float)]


class Target:
    """Until `metric` of the evaluation is `at_least` so much; with `labels`, at most so many labels all the same.

    `metric` is any number of alframe.types.Evaluation: `low` asks that the accuracy is that high with 97.5 %
    confidence, not just this once. Raises BadParams for an unknown metric, or a fraction outside 0..1.
    """

    def __init__(self, metric: str = "accuracy", at_least: float = 0.95, labels: int | None = None) -> None:
        if metric not in METRICS:
            raise BadParams(
                f"stopping 'target' knows no metric '{metric}'.{did_you_mean(metric, METRICS)} "
                f"Known: {', '.join(METRICS)}."
            )
        if metric != "n" and not 0 < at_least <= 1:
            raise BadParams(f"stopping 'target' wants at_least as a fraction: 0.95 for 95 %, and was given {at_least}.")
        if labels is not None and labels < 1:
            raise BadParams(f"stopping 'target' needs labels of 1 or more, or null; it was given labels={labels}.")
        self.metric = metric
        self.at_least = at_least
        self.labels = labels

    def decide(self, history: Sequence[RoundRecord]) -> str | None:
        """See the Stopping contract; without an evaluation there is nothing to compare, and it goes on."""
        if not history:
            return None
        last = history[-1]
        if last.evaluation is not None and (value := getattr(last.evaluation, self.metric)) >= self.at_least:
            return (
                f"The target is reached: {self.metric} is {value:.4g}, and {self.at_least:.4g} was wanted "
                f"({last.labels} labels; {last.evaluation.basis}, {last.evaluation.n} images)."
            )
        if self.labels is not None and last.labels >= self.labels:
            return f"The limit of {self.labels} labels is reached, before {self.metric} was {self.at_least:.4g}."
        return None

    def room(self, labels: int) -> int | None:
        """See the Stopping contract."""
        return None if self.labels is None else max(0, self.labels - labels)
