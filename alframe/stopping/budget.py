"""The rule `budget`: stop at a number of labels."""

from __future__ import annotations

from collections.abc import Sequence

from alframe.kit.parameters import require_at_least
from alframe.types import RoundRecord


class Budget:
    """Stop at a number of labels."""

    def __init__(self, labels: int) -> None:
        require_at_least("stopping 'budget'", 1, labels=labels)
        self.labels = labels

    def decide(self, history: Sequence[RoundRecord]) -> str | None:
        if not history or history[-1].labels < self.labels:
            return None
        more = "" if history[-1].labels == self.labels else f": there are {history[-1].labels}"
        return f"The budget of {self.labels} labels is used up{more}."

    def labels_left(self, labels: int) -> int:
        return max(0, self.labels - labels)
