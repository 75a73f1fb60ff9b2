"""Update the ledger, and inform people, when known items are recognised with other ids."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from alframe.store.ledger import Ledger
from alframe.types import Item, ItemColumns, ItemId

log = logging.getLogger(__name__)
# From the known items by key that are no longer listed, and the items that are new, to the new id -> the known key.
FindMoved = Callable[[Mapping[int, Item], Sequence[Item]], Mapping[ItemId, int]]
# From absent items that were used and listed ones that were not, by key, to the absent key -> the listed one it is.
FindListedTwice = Callable[[Mapping[int, Item], Iterable[tuple[int, Item]]], Mapping[int, int]]
# Of the known or listed images, or of the used ones, that must be recognised where all names are new: a calibration
# card that two pools share does not make them one.
MIN_RECOGNISED_SHARE = 0.1


def log_moved(moved: Mapping[ItemId, int], known: ItemColumns) -> None:
    """Log the number of moved images; `moved` has the known keys by the new ids."""
    if moved:
        before = {key: known[key] for key in moved.values()}
        id_, key = next(iter(moved.items()))
        log.info(
            "%d images were moved or renamed: '%s' is now '%s', for example. They keep their labels and requests.",
            *(len({item.image_id for item in before.values()}), before[key].id, id_),
        )


def swap_ids_listed_twice(
    ledger: Ledger,
    known: ItemColumns,
    listed: ItemColumns,
    key_of: Mapping[str, int],
    find_listed_twice: FindListedTwice,
) -> bool:
    """Give absent used items the ids of other items that list the same files; return whether there are any.

    Held-out images do not change, because an image that has tested the model must not train it.
    """
    present = {key_of[id_]: row for row, id_ in enumerate(listed.ids) if id_ in key_of}
    if len(present) == len(known):
        return False
    used, held_out = ledger.labelled_or_requested_keys(), set(ledger.held_out_keys())
    absent = {key: known[key] for key in sorted(used - present.keys() - held_out)}
    if not absent:
        return False
    taken = used | held_out
    doubled = find_listed_twice(absent, ((key, listed[row]) for key, row in present.items() if key not in taken))
    if not doubled:
        return False
    pairs = [*doubled.items(), *((other, key) for key, other in doubled.items())]
    with ledger.transaction():
        ledger.rename_items({key: known.ids[other] for key, other in pairs})
        ledger.update_paths((key, known.paths[other]) for key, other in pairs)
    key, other = next(iter(doubled.items()))
    log.warning(
        "%d images were listed twice, and their old files are gone: '%s' is now '%s', for example. They keep their "
        "labels and requests.",
        *(len({absent[key].image_id for key in doubled}), absent[key].id, known.ids[other]),
    )
    return True


def is_same_pool(moved: Mapping[ItemId, int], known: ItemColumns, listed: Sequence[Item], ledger: Ledger) -> bool:
    """Return whether enough items were recognised to accept the pool, if no item is listed with its earlier id."""
    used = ledger.labelled_or_requested_keys()
    return len(moved) >= MIN_RECOGNISED_SHARE * min(len(known), len(listed)) or (
        bool(used) and len(used.intersection(moved.values())) >= MIN_RECOGNISED_SHARE * len(used)
    )


def warn_of_other_split(moved: Sequence[tuple[Item, Item]], listed: Sequence[Item]) -> None:
    """Warn of items, given as (known, listed), that were moved into or out of the pool's test images."""
    others = [now for before, now in moved if before.split != now.split]
    if others and any(item.split == "test" for item in listed):
        log.warning(
            "%d moved images keep the split (pool or test) that they had, though the pool lists them in the other one "
            "now (first: '%s'). So the model is never tested on images from which it has learned.",
            *(len({item.image_id for item in others}), others[0].id),
        )
