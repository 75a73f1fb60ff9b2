"""The contract of stopping rules, which decide when to stop labelling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from alframe.types import RoundRecord


class Stopping(Protocol):
    """A rule that decides only from the history of rounds, so that a resumed run makes the same decision.

    A rule may be `AuditBased` or have an accuracy target (`HasAccuracyTarget`).
    """

    def decide(self, history: Sequence[RoundRecord]) -> str | None:
        """Return the reason to stop, as a sentence for the user, or None to continue."""

    def labels_left(self, labels: int) -> int | None:
        """Return how many labels may be requested in addition to `labels`, or None for any number."""


@runtime_checkable
class AuditBased(Protocol):
    """A stopping rule that uses the audit: the accuracy on images drawn at random (`RoundRecord.audit`)."""

    needs_audit: bool
    """Whether a run that draws no audit is refused."""


@runtime_checkable
class HasAccuracyTarget(Protocol):
    """A stopping rule that waits for an accuracy on the images without a label. alframe reports what is missing."""

    accuracy_target: float | None
    """The smallest `Estimate.always_low` of these images at which to stop, such as 0.9; None for no such target."""
