"""The contents of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alframe.types import Curve, Item, RoundRecord


@dataclass(frozen=True, slots=True)
class BatchImage:
    """One image of the contact sheet: the model's prediction (confidence 0..1) and the label, if there are any."""

    item: Item
    prediction: str | None = None
    confidence: float | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything on the page.

    `outcome` is a sentence on how things stand, `next_step` a command line (or empty), `interval` says in words how
    the band around the curve was computed. Without `curves` the campaign's own accuracy is drawn. `unreadable`
    holds pairs of image and reason. `audit_unanswered` counts the images drawn at random that were shown in an earlier
    round and have no answer that can be learned from (skipped, or unsure); those of a round that is still open are not
    counted. `represented` counts the images of the pool that are near-duplicates of others and not requested.
    """

    title: str
    folder: Path
    created: datetime
    outcome: str
    next_step: str
    settings: Mapping[str, str]
    history: Sequence[RoundRecord]
    curves: Sequence[Curve]
    batch: Sequence[BatchImage]
    batch_title: str
    unreadable: Sequence[tuple[str, str]]
    class_counts: Mapping[str, int]
    interval: str
    audit_unanswered: int = 0
    represented: int = 0
