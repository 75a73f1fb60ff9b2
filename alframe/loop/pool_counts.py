"""Where every image of a project stands: each is counted once, so that the numbers add up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alframe.loop.campaign import Campaign
from alframe.store.events import Absent
from alframe.types import Item


@dataclass(frozen=True, slots=True)
class PoolCounts:
    """How many images are held out, and how many of the pool stand where: (number, description), none of them 0."""

    held_out: int
    pool: Sequence[tuple[int, str]]

    @property
    def in_pool(self) -> int:
        """How many images are in the pool: the sum of its parts."""
        return sum(count for count, _ in self.pool)

    def __str__(self) -> str:
        parts = " + ".join(f"{count:,} {description}" for count, description in self.pool)
        total = f"{self.in_pool:,} in the pool" + (f" = {parts}" if len(self.pool) > 1 else f" ({parts})" * bool(parts))
        return f"{total}; {self.held_out:,} held out for testing"


def count_pool(campaign: Campaign, items: Sequence[Item], answered_now: Iterable[int] = ()) -> PoolCounts:
    """Count the images of a project by where they stand; `answered_now` are answered, but not in the ledger yet.

    The first of these that fits an image counts it: labelled, labelled for its sequence, labelled with several classes,
    unsure, answered but not taken in, requested, gone, unreadable, requested before in vain, never requested.
    """
    labels, ledger = campaign.labels(), campaign.ledger
    rounds = ledger.stored_rounds()
    held_out = {key for key, item in enumerate(items) if item.split == "test"}
    opened = {key for stored_round in rounds if not stored_round.closed for key in stored_round.keys}
    closed = {key for stored_round in rounds if stored_round.closed for key in stored_round.keys}
    labelled = {label.item for label in labels.counted}
    places: list[tuple[set[int], str]] = [
        (labelled, "labelled"),
        ({label.item for label in campaign.labels_with_propagated(items)}, "labelled with their sequence"),
        (set(labels.unresolved_conflicts), "with conflicting labels"),
        (set(labels.unsure_rounds), "unsure"),
        (set(answered_now), "answered, to be read by the next run"),
        (opened, "requested and not answered yet"),
        (load_absent(campaign), "no longer in the pool's listing"),
        (set(ledger.unreadable()), "that cannot be read"),
        (closed, "requested without an answer"),
        (set(range(len(items))), "never requested"),
    ]
    counted, parts = held_out, []
    for keys, description in places:
        count = len(keys - counted)
        counted = counted | keys
        if count:
            parts.append((count, description))
    return PoolCounts(len(held_out), parts)


def record_absent(campaign: Campaign, absent: Sequence[int]) -> None:
    """Journal which known images the pool no longer lists, if others were missing before."""
    if set(absent) != load_absent(campaign):
        with campaign.ledger.transaction():
            campaign.ledger.add_event(len(campaign.ledger.stored_rounds()), Absent(list(absent)))


def load_absent(campaign: Campaign) -> set[int]:
    """Return the known images that the pool did not list any more when it was listed last."""
    events = campaign.ledger.events_of(Absent)
    return set(events[-1][1].keys) if events else set()
