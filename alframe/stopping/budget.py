"""Stop when a number of labels has been reached."""

from __future__ import annotations

from collections.abc import Sequence

from alframe.errors import BadParams
from alframe.types import RoundRecord


class Budget:
    """At most `labels` labels, the first ones included. Raises BadParams for fewer than one."""

    def __init__(self, labels: int) -> None:
        if labels < 1:
            raise BadParams(f"stopping 'budget' needs labels of 1 or more; it was given labels={labels}.")
        self.labels = labels

    def decide(self, history: Sequence[RoundRecord]) -> str | None:
        """See the Stopping contract."""
        if not history or history[-1].labels < self.labels:
            return None
        return f"The budget of {self.labels} labels is used up: there are {history[-1].labels}."

    def room(self, labels: int) -> int:
        """See the Stopping contract."""
        return max(0, self.labels - labels)
