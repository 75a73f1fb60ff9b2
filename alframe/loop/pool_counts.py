"""Where every image of a project stands: each is counted once, so that the numbers add up."""

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
    """How many images are held out, and how many of the pool stand where: (number, description), none of them 0.

    `absent`: how many more are known, but no longer listed by the pool; of these, `absent_labelled` are labelled.
    """

    held_out: int
    counts_by_state: Sequence[tuple[int, str]]
    absent: int
    absent_labelled: int

    @property
    def total_in_pool(self) -> int:
        """How many images are in the pool: the sum of its parts."""
        return sum(count for count, _ in self.counts_by_state)

    def __str__(self) -> str:
        parts = " + ".join(f"{count:,} {description}" for count, description in self.counts_by_state)
        total = f"{self.total_in_pool:,} in the pool" + (
            f" = {parts}" if len(self.counts_by_state) > 1 else f" ({parts})" * bool(parts)
        )
        return "; ".join([total, *self.describe_absent(), f"{self.held_out:,} held out for testing"])

    def describe_absent(self) -> list[str]:
        """Return how many images the pool no longer lists, as one text; none if it lists all of them."""
        labelled = f", {self.absent_labelled:,} of them labelled" * bool(self.absent_labelled)
        return [f"{self.absent:,} more no longer in its listing{labelled}"] * bool(self.absent)


def count_pool(campaign: Campaign, items: Sequence[Item], answered_now: Iterable[int] = ()) -> PoolCounts:
    """Return how many images of a project are in each state; `answered_now` are answered, but not in the ledger yet.

    The first of these that fits an image counts it: labelled, labelled for its sequence, labelled with several classes,
    unsure, answered but not taken in, requested, unreadable, requested before in vain, never requested.
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
    """Journal which images the pool no longer lists, if others were missing before; tell what has changed.

    `known_count`: how many images the project had before they were listed now.
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
    """Return the known images that the pool did not list any more when it was listed last."""
    events = campaign.ledger.events_of(AbsentImages)
    return set(events[-1][1].keys) if events else set()
