"""Stop when more labels make no difference."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from alframe.errors import BadParams
from alframe.stopping.checks import check_labels, room, spent
from alframe.types import RoundRecord

LEAST = 30  # images: a round measured on fewer says nothing about small gains


class NoGain:
    """Until the mean accuracy of the last `rounds` is above that of the `rounds` before them by at most `gain`.

    The accuracy is the audit's where there is one, else the evaluation's. Means, because the best of many noisy rounds
    is a lucky one, which later rounds cannot beat. Raises BadParams for fewer than one round, or a `gain` outside 0..1.
    """

    def __init__(self, rounds: int = 5, gain: float = 0.005, labels: int | None = None) -> None:
        if rounds < 1:
            raise BadParams(f"stopping 'no_gain' needs rounds of 1 or more; it was given rounds={rounds}.")
        if not 0 <= gain < 1:
            raise BadParams(f"stopping 'no_gain' wants gain as a fraction: 0.005 for half a point; it was {gain}.")
        check_labels("no_gain", labels)
        self.rounds = rounds
        self.gain = gain
        self.labels = labels

    def decide(self, history: Sequence[RoundRecord]) -> str | None:
        """See the Stopping contract; rounds measured on another kind of images than the last one do not count."""
        if not history:
            return None
        last = {record.round: record for record in history}  # of a round that was corrected, what it came to
        measured = [one for record in last.values() if (one := record.audit or record.evaluation) is not None]
        comparable = [one for one in measured if one.basis == measured[-1].basis and one.n >= LEAST]
        window = [one.accuracy for one in comparable[-2 * self.rounds :]]
        if len(window) == 2 * self.rounds:
            before, now = fmean(window[: self.rounds]), fmean(window[self.rounds :])
            # Rounding must not turn a gain of exactly `gain` into more.
            if now - before <= self.gain + 1e-9:
                return (
                    f"More labels make no difference: the mean accuracy of the last {self.rounds} rounds is {now:.1%}, "
                    f"and of the {self.rounds} before {before:.1%} ({history[-1].labels} labels; {measured[-1].basis})."
                )
        return spent(self.labels, history[-1], "more labels made no difference")

    def room(self, labels: int) -> int | None:
        """See the Stopping contract."""
        return room(self.labels, labels)
