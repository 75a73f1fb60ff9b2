"""The listing of the pool in the ledger. Every item has a number (key) that never changes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import compress
from typing import TypeVar

import numpy as np

from alframe import seeding
from alframe.contracts import Pool
from alframe.engine.listing.boxes import assign_boxes
from alframe.engine.listing.checked_items import list_checked_items
from alframe.engine.listing.clock_offsets import correct_clocks
from alframe.engine.listing.clock_warnings import warn_of_clocks
from alframe.engine.listing.groups import assign_groups, draw_stratified_groups
from alframe.engine.listing.online_files import warn_of_online_files
from alframe.engine.listing.pool_classes import unify_pool_classes
from alframe.engine.listing.recognised_items import (
    FindListedTwice,
    FindMoved,
    is_same_pool,
    log_moved,
    swap_ids_listed_twice,
    warn_of_other_split,
)
from alframe.engine.listing.sequences import add_times_from_files, assign_sequences
from alframe.errors import PoolError
from alframe.settings import Boxes, Sequences
from alframe.store.ledger import Ledger
from alframe.types import Bools, Box, Ints, Item, ItemColumns, ItemId, Texts, Times

log = logging.getLogger(__name__)
LEGACY_NAN_NAME = "nan"  # the camera or sequence of images for which a COCO file has NaN, before this meant "not known"
SAME_BOX_OVERLAP = 0.7  # of the smaller box, from which on it is the same
Value = TypeVar("Value")


@dataclass(frozen=True)
class PoolListing:
    """All items that were ever listed, by key.

    `is_present` (N,) is False for items that the pool no longer lists; they are never selected. `is_held_out` (N,): the
    item is kept for testing. `has_invalid_class` (N,): its label in the pool is no class, so no simulation can answer.
    """

    items: ItemColumns
    is_present: Bools
    is_held_out: Bools
    has_invalid_class: Bools

    @cached_property
    def sequences(self) -> Ints:
        """(N,) the number of each item's sequence; -1 without a sequence."""
        return _names_and_numbers(self.items.sequences)[1]

    @cached_property
    def cameras(self) -> Ints:
        """(N,) the number of each item's camera; -1 if it is not known."""
        return _names_and_numbers(self.items.cameras)[1]

    @cached_property
    def taken(self) -> Times:
        """(N,) the local time of each item, to the second; NaT if it is not known."""
        return np.array(self.items.taken, "datetime64[s]")

    @cached_property
    def ids(self) -> Texts:
        """(N,) the id of each item."""
        return np.array(self.items.ids, np.object_)

    @cached_property
    def classes_and_numbers(self) -> tuple[list[str], Ints]:
        """The classes in the pool, and (N,) the index of each item's class in them; -1 without a class."""
        return _names_and_numbers(self.items.labels)


def _names_and_numbers(names: Iterable[str | None]) -> tuple[list[str], Ints]:
    """Return the distinct names in the order of their first use, and the index of each of the names; -1 for None."""
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
    find_listed_twice: FindListedTwice | None = None,
) -> PoolListing:
    """List the pool, with its boxes and sequences, and add new items to the ledger.

    Missing times and sequences are found only for new images; known images keep theirs. The first listing draws
    held-out images among the items with a label in the pool, unless the pool has a test split. Later images of a
    held-out group are held out too. `classes` are the classes of the settings. `find_moved` recognises known items
    with new ids, which keep their keys. `find_listed_twice` recognises used items whose files were listed as other
    items before; each pair exchanges its ids. Raises PoolError if the pool is empty, or if no known image is left.
    """
    known = ledger.items()
    listed = _list_items(pool, boxes)
    key_of = {id_: key for key, id_ in enumerate(known.ids)}
    listed = _keep_used_images_whole(listed, key_of, ledger)
    is_unchanged = listed.ids == known.ids  # as in most commands: then nothing has to be looked up
    if (
        find_listed_twice
        and not is_unchanged
        and swap_ids_listed_twice(ledger, known, listed, key_of, find_listed_twice)
    ):
        known = ledger.items()
        key_of = {id_: key for key, id_ in enumerate(known.ids)}
    new = [] if is_unchanged else [listed[row] for row, id_ in enumerate(listed.ids) if id_ not in key_of]
    moved: Mapping[ItemId, int] = {}
    if new and find_moved:
        listed_ids = set(listed.ids)
        gone = {key: known[key] for id_, key in key_of.items() if id_ not in listed_ids}
        moved = find_moved(gone, new) if gone else {}
        if len(new) == len(listed) and not is_same_pool(moved, known, listed, ledger):
            moved = {}
        log_moved(moved, known)
        key_of |= moved
        new = [item for item in new if item.id not in moved]
    if known and len(new) == len(listed):
        raise PoolError(
            f"None of the {len(known)} images of this project is in the pool now, or too few of them. The first image "
            f"of the project is '{known.ids[0]}', and the first image in the pool is '{listed.ids[0]}'. If the folder "
            f"was moved, set pool.root to its new place. For other images, start another project (project=<folder>)."
        )
    row_of = {key_of[id_]: row for row, id_ in enumerate(listed.ids) if id_ in key_of}  # by key
    items = _update_known_items(known, listed, row_of)
    warn_of_other_split([(known[key], listed[row_of[key]]) for key in moved.values()], listed)
    warn_of_online_files(item.path for item in new)
    if new:
        items = items.extended(add_times_from_files(new, sequences))
    labels = items.labels
    declared, earlier = [*classes, *ledger.class_names_from_rounds()], dict.fromkeys(known.labels)
    items = unify_pool_classes(items, declared, [label for label in earlier if label is not None])
    pairs = zip(labels, items.labels, strict=True)
    has_invalid_class = np.array([label is not None and class_name is None for label, class_name in pairs], bool)
    is_present = np.ones(len(items), bool)
    is_present[: len(known)] = [key in row_of for key in range(len(known))]
    moved_boxes = any(listed.boxes) and sum(items.boxes[key] != listed.boxes[row] for key, row in row_of.items())
    if moved_boxes:
        log.warning(
            "%d boxes have moved since they were first listed; their items and labels keep the old box. To use another "
            "detector's boxes, start a new project, or set boxes.use=best.",
            moved_boxes,
        )
    has_found_sequence = np.zeros(len(items), bool)
    has_found_sequence[[key for key, row in row_of.items() if listed.sequences[row] is None]] = True
    has_found_sequence &= np.array([name not in (None, LEGACY_NAN_NAME) for name in items.sequences], bool)
    names = assign_sequences(items, sequences, has_found_sequence)
    if boxes.use == "all":  # earlier versions formed no sequence of a herd, and its boxes were held out one by one
        for key, name in enumerate(known.sequences):
            if name is None:
                names[key] = items.sequences[key]
    is_changed = [now != before for now, before in zip(names, items.sequences, strict=True)]
    items = replace(items, sequences=names)
    if new or (has_found_sequence & is_changed).any():
        warn_of_clocks(items, sequences)
    if new and known:
        items = _extend_held_out_groups(items, len(known), group)
    elif new and holdout > 0:
        items = _draw_held_out_groups(items, holdout, group, seed)
    with ledger.transaction():
        ledger.add_items(len(known), items[len(known) :])
        ledger.rename_items({key: id_ for id_, key in moved.items()})
        ledger.update_paths((key, items.paths[key]) for key in row_of if items.paths[key] != known.paths[key])
    corrected = correct_clocks(items, sequences.clock_offsets)  # the ledger keeps what the cameras said
    is_held_out = np.array([split == "test" for split in items.splits], bool)
    return PoolListing(corrected, is_present, is_held_out, has_invalid_class)


def _list_items(pool: Pool, boxes: Boxes) -> ItemColumns:
    images = list_checked_items(pool)
    if not images:
        raise PoolError("The pool has no images. Check the folder or file that `pool` names.")
    items = images if boxes.file is None else ItemColumns.of(assign_boxes(images, boxes))
    if not items:
        raise PoolError(
            f"Not one of the {len(images)} images has a box of '{boxes.category}' in {boxes.file} with a confidence of "
            f"{'what the file calls typical' if boxes.threshold is None else boxes.threshold} or more. Lower "
            f"boxes.threshold, or keep images without one (boxes.empty=keep)."
        )
    return items


def _keep_used_images_whole(listed: ItemColumns, key_of: Mapping[str, int], ledger: Ledger) -> ItemColumns:
    """Return the items, but keep images whole that were labelled or requested as whole images.

    A label of a whole image is no label of each box that a detector has found in it later.
    """
    boxed = [listed[row] for row, meta in enumerate(listed.metas) if "box" in meta]
    whole = {item.image_id for item in boxed if item.image_id in key_of}
    whole -= {item.image_id for item in boxed if item.id in key_of}
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
    return ItemColumns.of(kept.values())


def _update_known_items(known: ItemColumns, listed: ItemColumns, row_of: Mapping[int, int]) -> ItemColumns:
    """Return the known items with the present values of the pool, except the split, which the ledger decides.

    `row_of` has the position in `listed` of each item that is still in the pool. Values that the pool lacks were found
    when the item was new. A camera "nan" stays in projects that know it. Each of several boxes in an image keeps its
    place, because its labels must not move to another animal if another detector's file is used.
    """
    is_unchanged = listed.ids == known.ids
    rows = [row_of.get(key, -1) for key in range(len(known))]

    def current(now: list[Value], before: list[Value]) -> list[Value]:
        if is_unchanged:
            return now.copy()
        return [now[row] if row >= 0 else old for row, old in zip(rows, before, strict=True)]

    cameras = current(listed.cameras, known.cameras)
    taken, sequences = current(listed.taken, known.taken), current(listed.sequences, known.sequences)
    boxes, metas = current(listed.boxes, known.boxes), current(listed.metas, known.metas)
    for key in (key for key, meta in enumerate(known.metas) if "taken_from" in meta and taken[key] is None):
        metas[key] = {**metas[key], "taken_from": known.metas[key]["taken_from"]}
    for key in (key for key, meta in enumerate(metas) if "box" in meta):
        box, before = boxes[key], known.boxes[key]
        if box and before and _overlap_of_smaller_box(box, before) < SAME_BOX_OVERLAP:
            boxes[key] = before
    return ItemColumns(
        current(listed.ids, known.ids),
        current(listed.paths, known.paths),
        current(listed.labels, known.labels),
        known.splits,
        [
            before if now is None and before == LEGACY_NAN_NAME else now
            for now, before in zip(cameras, known.cameras, strict=True)
        ],
        [now or before for now, before in zip(taken, known.taken, strict=True)],
        [before if now is None else now for now, before in zip(sequences, known.sequences, strict=True)],
        boxes,
        metas,
    )


def _overlap_of_smaller_box(a: Box, b: Box) -> float:
    """Return the part of the smaller box that is inside the other. It hardly depends on margins."""
    width = max(0.0, min(a.x + a.w, b.x + b.w) - max(a.x, b.x))
    height = max(0.0, min(a.y + a.h, b.y + b.h) - max(a.y, b.y))
    return width * height / max(min(a.w * a.h, b.w * b.h), 1e-12)


def _extend_held_out_groups(items: ItemColumns, known_count: int, group: str) -> ItemColumns:
    """Hold out the items after the first `known_count` items if their group is held out."""
    names = assign_groups(items, group)
    held_out = {name for name, split in zip(names[:known_count], items.splits, strict=False) if split == "test"}
    return _hold_out(items, [key >= known_count and name in held_out for key, name in enumerate(names)])


def _draw_held_out_groups(items: ItemColumns, fraction: float, group: str, seed: int) -> ItemColumns:
    pairs = zip(items.labels, items.splits, strict=True)
    is_labelled = [label is not None and split == "pool" for label, split in pairs]
    if "test" in items.splits or not any(is_labelled):
        return items
    groups = assign_groups(items, group)
    classes = [str(label) for label in compress(items.labels, is_labelled)]
    rng = seeding.generator(seed, "holdout")
    drawn = draw_stratified_groups(list(compress(groups, is_labelled)), classes, fraction, rng)
    # All of a group: also its images without a label show what the labelled ones show.
    return _hold_out(items, [name in drawn for name in groups])


def _hold_out(items: ItemColumns, is_added: Sequence[bool]) -> ItemColumns:
    splits = zip(items.splits, is_added, strict=True)
    return replace(items, splits=["test" if added else split for split, added in splits])
