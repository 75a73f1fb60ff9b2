"""The pool as the ledger knows it: every item has a number, and keeps it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import compress

import numpy as np

from alframe import seeding
from alframe.contracts import Pool
from alframe.engine.listing.boxes import assign_boxes
from alframe.engine.listing.clock_offsets import correct_clocks
from alframe.engine.listing.clock_warnings import warn_of_clocks
from alframe.engine.listing.groups import assign_groups, draw_stratified_groups
from alframe.engine.listing.online_files import warn_of_online_files
from alframe.engine.listing.pool_classes import unify_pool_classes
from alframe.engine.listing.recognised_items import (
    FindDoubled,
    FindMoved,
    exchange_doubled_ids,
    is_same_pool,
    log_moved,
    warn_of_other_split,
)
from alframe.engine.listing.sequences import add_times_or_leave_out, assign_sequences
from alframe.errors import PoolError
from alframe.progress import track
from alframe.settings import Boxes, Sequences
from alframe.store.ledger import Ledger
from alframe.store.records import StoredItems
from alframe.types import Bools, Box, Ints, Item, ItemId, Texts, Times

log = logging.getLogger(__name__)
SAME_BOX_OVERLAP = 0.7  # of the smaller box, from which on it is the same


@dataclass(frozen=True)
class PoolListing:
    """All items that were ever listed, by key.

    `is_present` (N,) is False for those that the pool no longer lists, which are never selected; `is_held_out` (N,)
    are kept for testing. `has_no_class` (N,): the pool's label is no class, so that no simulation can answer.
    """

    items: list[Item]
    is_present: Bools
    is_held_out: Bools
    has_no_class: Bools

    @cached_property
    def sequences(self) -> Ints:
        """(N,) the number of each item's sequence; -1 where it has none."""
        return _names_and_numbers(item.sequence for item in self.items)[1]

    @cached_property
    def cameras(self) -> Ints:
        """(N,) the number of each item's camera; -1 where it is not known."""
        return _names_and_numbers(item.camera for item in self.items)[1]

    @cached_property
    def taken(self) -> Times:
        """(N,) the local time of each item, to the second; NaT where it is not known."""
        return np.array([item.taken for item in self.items], "datetime64[s]")

    @cached_property
    def ids(self) -> Texts:
        """(N,) the id of each item."""
        return np.array([item.id for item in self.items], np.object_)

    @cached_property
    def classes_and_numbers(self) -> tuple[list[str], Ints]:
        """The classes that the pool knows, and (N,) which of them each item is of; -1 where the pool does not say."""
        return _names_and_numbers(item.label for item in self.items)


def _names_and_numbers(names: Iterable[str | None]) -> tuple[list[str], Ints]:
    """Return the distinct names in order of appearance, and the number of each of the names; -1 for None."""
    numbers: dict[str | None, int] = {None: -1}
    found = np.array([numbers.setdefault(name, len(numbers) - 1) for name in names], np.int64)
    return [name for name in numbers if name is not None], found


def sync_pool_listing(
    ledger: Ledger,
    pool: Pool,
    holdout: float,
    group: str,
    seed: int,
    sequences: Sequences = Sequences(),
    boxes: Boxes = Boxes(),
    classes: Sequence[str] = (),
    find_moved: FindMoved | None = None,
    find_doubled: FindDoubled | None = None,
) -> PoolListing:
    """List the pool, with its boxes and sequences, and add what is new to the ledger.

    Times and sequences that the pool does not give are found for new images only; known ones keep theirs. The first
    time, a held-out split is drawn from the items that the pool has a label for, unless it has a test split of its
    own. Later images of a held-out group are held out too. `classes` are those of the settings. `find_moved` recognises
    known items under new ids; they keep their keys. `find_doubled` recognises used items whose files were listed as
    other items before; the two exchange their ids. Raises PoolError if the pool is empty or none of the known images is
    left.
    """
    known = ledger.items()
    listed = _list_items(pool, boxes)
    key_of = {id_: key for key, id_ in enumerate(known.ids())}
    listed = _keep_used_images_whole(listed, key_of, ledger)
    if find_doubled and exchange_doubled_ids(ledger, known, listed, key_of, find_doubled):
        known = ledger.items()
        key_of = {id_: key for key, id_ in enumerate(known.ids())}
    new = [item for item in listed if item.id not in key_of]
    moved: Mapping[ItemId, int] = {}
    if new and find_moved:
        listed_ids = {item.id for item in listed}
        gone = {key: known[key] for id_, key in key_of.items() if id_ not in listed_ids}
        moved = find_moved(gone, new) if gone else {}
        if len(new) == len(listed) and not is_same_pool(moved, known, listed, ledger):
            moved = {}
        log_moved(moved, known)
        key_of |= moved
        new = [item for item in new if item.id not in moved]
    if known and len(new) == len(listed):
        raise PoolError(
            f"None of the {len(known)} images of this project is in the pool now, or too few are; the first known one "
            f"is '{known[0].id}', the first listed one '{listed[0].id}'. If the folder was moved, set pool.root to its "
            f"new place. For other images, start another project (project=<folder>)."
        )
    again = {key_of[item.id]: item for item in listed if item.id in key_of}
    items = [_update_known_item(again[key], key, known) if key in again else known[key] for key in range(len(known))]
    warn_of_other_split([(known[key], again[key]) for key in moved.values()], listed)
    warn_of_online_files(item.path for item in new)
    items += add_times_or_leave_out(new, sequences)
    had_label = [item.label is not None for item in items]
    items = unify_pool_classes(items, [*classes, *ledger.class_names_from_rounds()], known.labels())
    has_no_class = np.array([had and item.label is None for had, item in zip(had_label, items, strict=True)], bool)
    is_present = np.ones(len(items), bool)
    is_present[: len(known)] = [key in again for key in range(len(known))]
    moved_boxes = sum(items[key].box != item.box for key, item in again.items())
    if moved_boxes:
        log.warning(
            "%d boxes have moved since they were first listed; their items and labels keep the old box. To use another "
            "detector's boxes, start a new project, or set boxes.use=best.",
            moved_boxes,
        )
    is_found = np.array(
        [key in again and again[key].sequence is None and item.sequence is not None for key, item in enumerate(items)]
    )
    found_anew = False
    for key, name in enumerate(assign_sequences(items, sequences, is_found)):
        if name != items[key].sequence:
            found_anew |= bool(is_found[key])
            items[key] = replace(items[key], sequence=name)
    if new or found_anew:
        warn_of_clocks(items, sequences)
    if new and known:
        items = _extend_held_out_groups(items, len(known), group)
    elif new and holdout > 0:
        items = _draw_held_out_groups(items, holdout, group, seed)
    with ledger.transaction():
        ledger.add_items(len(known), items[len(known) :])
        ledger.rename_items({key: id_ for id_, key in moved.items()})
        ledger.update_paths((key, item.path) for key, item in again.items() if str(item.path) != known.path(key))
    corrected = correct_clocks(items, sequences.clock_offsets)  # the ledger keeps what the cameras said
    is_held_out = np.array([item.split == "test" for item in items], bool)
    return PoolListing(corrected, is_present, is_held_out, has_no_class)


def _list_items(pool: Pool, boxes: Boxes) -> list[Item]:
    images = list(track(pool.items(), "Listing images", unit="img"))
    if not images:
        raise PoolError("The pool has no images. Check the folder or file that `pool` names.")
    items = assign_boxes(images, boxes)
    if not items:
        raise PoolError(
            f"Not one of the {len(images)} images has a box of '{boxes.category}' in {boxes.file} with a confidence of "
            f"{'what the file calls typical' if boxes.threshold is None else boxes.threshold} or more. Lower "
            f"boxes.threshold, or keep images without one (boxes.empty=keep)."
        )
    return items


def _keep_used_images_whole(listed: list[Item], key_of: Mapping[str, int], ledger: Ledger) -> list[Item]:
    """Return the items with whole images in place of the boxes of those that were labelled or requested as such.

    A label of an image is not one of each of the boxes that a detector has found in it since.
    """
    whole = {item.image_id for item in listed if item.image_id != item.id and item.image_id in key_of}
    whole -= {item.image_id for item in listed if item.image_id != item.id and item.id in key_of}
    if whole:
        used = ledger.labelled_or_requested_keys()
        whole = {image for image in whole if key_of[image] in used}
    if not whole:
        return listed
    log.warning(
        "%d images were labelled or requested as a whole before their boxes were known (first: %s). They stay whole; "
        "to label their boxes, start a new project.",
        *(len(whole), min(whole)),
    )
    kept: dict[str, Item] = {}
    for item in listed:
        if item.image_id in whole:
            meta = {key: value for key, value in item.meta.items() if key not in ("box", "detected")}
            kept.setdefault(item.image_id, replace(item, id=item.image_id, box=None, meta=meta))
        else:
            kept[item.id] = item
    return list(kept.values())


def _update_known_item(item: Item, key: int, stored: StoredItems) -> Item:
    """Return a known item as it is listed now: the split is the ledger's; all else may have been corrected since.

    Values that the pool lacks were found when the item was new. One of several boxes keeps its place: labels of it must
    not become labels of another animal when a detector's file is exchanged.
    """
    if stored.is_unchanged(key, item):
        return item
    known, meta = stored.found_when_new(key), item.meta
    if item.taken is None and "taken_from" in known.meta:
        meta = {**meta, "taken_from": known.meta["taken_from"]}
    box = item.box
    if "box" in item.meta and box and known.box and _overlap_of_smaller_box(box, known.box) < SAME_BOX_OVERLAP:
        box = known.box
    taken, sequence = item.taken or known.taken, known.sequence if item.sequence is None else item.sequence
    # Not by `replace` nor by names, which takes longer, for each image of the pool.
    return Item(item.id, item.path, item.label, known.split, item.camera, taken, sequence, box, meta)


def _overlap_of_smaller_box(a: Box, b: Box) -> float:
    """Return the part of the smaller box that lies in the other; a margin changes it little."""
    width = max(0.0, min(a.x + a.w, b.x + b.w) - max(a.x, b.x))
    height = max(0.0, min(a.y + a.h, b.y + b.h) - max(a.y, b.y))
    return width * height / max(min(a.w * a.h, b.w * b.h), 1e-12)


def _extend_held_out_groups(items: Sequence[Item], known_count: int, group: str) -> list[Item]:
    """Hold out those items, after the first `known_count` ones, whose group is held out."""
    names = assign_groups(items, group)
    held_out = {name for name, item in zip(names[:known_count], items, strict=False) if item.split == "test"}
    is_added = [key >= known_count and name in held_out for key, name in enumerate(names)]
    return [replace(item, split="test") if added else item for added, item in zip(is_added, items, strict=True)]


def _draw_held_out_groups(items: Sequence[Item], fraction: float, group: str, seed: int) -> list[Item]:
    is_labelled = [item.label is not None and item.split == "pool" for item in items]
    if any(item.split == "test" for item in items) or not any(is_labelled):
        return list(items)
    groups = assign_groups(items, group)
    classes = [str(item.label) for item in compress(items, is_labelled)]
    rng = seeding.generator(seed, "holdout")
    drawn = draw_stratified_groups(list(compress(groups, is_labelled)), classes, fraction, rng)
    # All of a group: also its images without a label show what the labelled ones show.
    return [replace(item, split="test") if name in drawn else item for name, item in zip(groups, items, strict=True)]
