"""The state of every image of a project. Each image is counted once, so that the numbers add up."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from alframe.kit.round_folders import count_with_noun
from alframe.loop.campaign import Campaign
from alframe.store.events import AbsentImages
from alframe.types import Item

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PoolCounts:
    """The number of held-out images, and of pool images in each state: (number, description), without zeros.

    `absent`: the number of known images that the pool no longer lists. `absent_labelled` of them are labelled.
    """

    held_out: int
    counts_by_state: Sequence[tuple[int, str]]
    absent: int
    absent_labelled: int

    @property
    def total_in_pool(self) -> int:
        """The number of images in the pool: the sum over all states."""
        return sum(count for count, _ in self.counts_by_state)

    def __str__(self) -> str:
        parts = " + ".join(f"{count:,} {description}" for count, description in self.counts_by_state)
        total = f"{self.total_in_pool:,} in the pool" + (
            f" = {parts}" if len(self.counts_by_state) > 1 else f" ({parts})" * bool(parts)
        )
        return "; ".join([total, *self.describe_absent(), f"{self.held_out:,} held out for testing"])

    def describe_absent(self) -> list[str]:
        """Return a text on the images that the pool no longer lists, or no text if it lists all images."""
        labelled = f", {self.absent_labelled:,} of them labelled" * bool(self.absent_labelled)
        return [f"{self.absent:,} more no longer in its listing{labelled}"] * bool(self.absent)


def count_pool(campaign: Campaign, items: Sequence[Item], answered_now: Iterable[int] = ()) -> PoolCounts:
    """Return the number of images in each state; `answered_now` are answered, but not in the ledger yet.

    Each image is counted in the first state that it has: labelled, labelled with its sequence, with conflicting labels,
    unsure, answered but not yet read, requested, unreadable, requested without an answer, or never requested.
    """
    labels, ledger = campaign.decided_labels(), campaign.ledger
    rounds = ledger.stored_rounds()
    held_out = [key for key in ledger.held_out_keys() if key < len(items)]  # a run may be listing new images now
    opened = {key for stored_round in rounds if not stored_round.closed for key in stored_round.keys}
    closed = {key for stored_round in rounds if stored_round.closed for key in stored_round.keys}
    labelled = {label.item for label in labels.counted}
    states: list[tuple[Iterable[int], str]] = [
        (labelled, "labelled"),
        ({label.item for label in campaign.labels_with_propagated(items)}, "labelled with their sequence"),
        (labels.unresolved_conflicts, "with conflicting labels"),
        (labels.unsure_rounds, "unsure"),
        (answered_now, "answered, to be read by the next run"),
        (opened, "requested and not answered yet"),
        (ledger.unreadable_reasons(), "that cannot be read"),
        (closed, "requested without an answer"),
        (range(len(items)), "never requested"),
    ]
    is_counted, parts = np.zeros(len(items), bool), []
    is_counted[held_out] = True
    absent = [key for key in load_absent(campaign) if not is_counted[key]]
    is_counted[absent] = True
    for keys, description in states:
        before = np.count_nonzero(is_counted)
        is_counted[list(keys)] = True
        if count := int(np.count_nonzero(is_counted) - before):
            parts.append((count, description))
    return PoolCounts(len(held_out), parts, len(absent), len(labelled.intersection(absent)))


def record_absent(campaign: Campaign, absent: Sequence[int], known_count: int) -> None:
    """Record which images the pool no longer lists, if this has changed, and log the changes.

    `known_count`: the number of images of the project before this listing.
    """
    before = load_absent(campaign)
    new, newly_absent = campaign.ledger.count_items() - known_count, set(absent) - before
    if known_count and new:
        log.info("The pool has %s.", count_with_noun(new, "new image"))
    if newly_absent:
        labelled = len(newly_absent.intersection(label.item for label in campaign.decided_labels().counted))
        kept = f" {labelled:,} of them are labelled; the labels are kept." if labelled else ""
        log.info("The pool no longer lists %s.%s", count_with_noun(len(newly_absent), "image"), kept)
    if set(absent) != before:
        with campaign.ledger.transaction():
            campaign.ledger.add_event(len(campaign.ledger.stored_rounds()), AbsentImages(list(absent)))


def load_absent(campaign: Campaign) -> set[int]:
    """Return the known images that were missing in the last listing of the pool."""
    events = campaign.ledger.events_of(AbsentImages)
    return set(events[-1][1].keys) if events else set()
