"""The contract of stopping rules, which decide when to stop labelling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from alframe.types import RoundRecord


class Stopping(Protocol):
    """A rule that decides only from the history of rounds, so that a resumed run makes the same decision.

    A rule that uses `RoundRecord.audit` may be `AuditBased`: then a run that draws no audit is refused. A rule that
    waits for an accuracy may be `HasAccuracyTarget`: then alframe says how far the campaign is from it.
    """

    def decide(self, history: Sequence[RoundRecord]) -> str | None:
        """Return the reason to stop, in words for the user, or None to go on."""

    def labels_left(self, labels: int) -> int | None:
        """Return how many more labels may be requested after `labels`, or None for any number; it limits the batch."""


@runtime_checkable
class AuditBased(Protocol):
    """A stopping rule that decides by the audit: the accuracy on images drawn at random (`RoundRecord.audit`)."""

    needs_audit: bool
    """Whether a run that draws no audit is refused."""


@runtime_checkable
class HasAccuracyTarget(Protocol):
    """A stopping rule that waits for an accuracy on the images without a label."""

    accuracy_target: float | None
    """What `Estimate.always_low` of these images must reach, such as 0.9; None if the rule waits for something else."""
