"""The rule `no_gain`: stop when more labels hardly raise the accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from alframe.kit.parameters import require_at_least, require_parameter
from alframe.stopping.limits import reason_at_limit, require_valid_label_limit
from alframe.types import RoundRecord


class NoGain:
    """Stop when the mean accuracy of the last rounds is hardly higher than the mean of the rounds before them.

    The accuracy is the accuracy by the audit, i.e. on images drawn at random. Without an audit, it is the accuracy of
    the evaluation. Means are compared, because the best of many noisy rounds is high by chance, and later rounds could
    not exceed it.
    """

    def __init__(self, rounds: int = 5, gain: float = 0.005, labels: int | None = None) -> None:
        require_at_least("stopping 'no_gain'", 1, rounds=rounds)
        require_parameter("stopping 'no_gain'", 0 <= gain < 1, "a fraction, such as 0.005 for half a point", gain=gain)
        require_valid_label_limit("no_gain", labels)
        self.rounds, self.gain, self.labels = rounds, gain, labels

    def decide(self, history: Sequence[RoundRecord]) -> str | None:
        """See the Stopping contract; rounds measured on another kind of images than the last one do not count."""
        if not history:
            return None
        final = {record.round: record for record in history}  # a round that was corrected has several records
        measured = [evaluation for record in final.values() if (evaluation := record.audit or record.evaluation)]
        comparable = [e.accuracy for e in measured if e.basis == measured[-1].basis and not e.is_small]
        window = comparable[-2 * self.rounds :]
        if len(window) == 2 * self.rounds:
            before, now = fmean(window[: self.rounds]), fmean(window[self.rounds :])
            # Rounding must not turn a gain of exactly `gain` into more.
            if now - before <= self.gain + 1e-9:
                return (
                    f"More labels make no difference: the mean accuracy of the last {self.rounds} rounds is {now:.1%}, "
                    f"and of the {self.rounds} before {before:.1%} ({history[-1].labels} labels; {measured[-1].basis})."
                )
        return reason_at_limit(self.labels, history[-1], "more labels made no difference")

    def labels_left(self, labels: int) -> int | None:
        return None if self.labels is None else max(0, self.labels - labels)
