"""The pool as the ledger knows it: every item has a number, and keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from alframe import seeding
from alframe.contracts import Pool
from alframe.errors import PoolError
from alframe.progress import track
from alframe.store.ledger import Ledger
from alframe.types import Item


@dataclass(frozen=True, slots=True)
class Manifest:
    """`items` by key; `present` (N,) is False for those that the pool no longer lists, which are never selected.

    `in_pool` (N,) is False for the held-out ones.
    """

    items: list[Item]
    present: npt.NDArray[np.bool_]
    in_pool: npt.NDArray[np.bool_]


def sync(ledger: Ledger, pool: Pool, holdout: float, group: str, seed: int) -> Manifest:
    """List the pool and enter what is new into the ledger.

    The first time, a held-out split is drawn from the items that the pool has a label for, unless it has a test split
    of its own. It is never drawn again, and what comes later to a held-out group is held out. Raises PoolError for an
    empty pool or one in which nothing that was there before is left.
    """
    known = ledger.items()
    listed = list(track(pool.items(), "Listing images", unit="img"))
    if not listed:
        raise PoolError("The pool has no images. Check the folder or file that `pool` names.")
    number = {item.id: key for key, item in enumerate(known)}
    new = [item for item in listed if item.id not in number]
    if known and len(new) == len(listed):
        raise PoolError(
            f"None of the {len(known)} images of this project is in the pool now; the first known one is "
            f"'{known[0].id}', the first listed one '{listed[0].id}'. If the folder moved, point pool.root at the "
            f"folder that now holds the same tree; for other images start another project (project=<folder>)."
        )
    if known:
        held_out = {group_of(item, group) for item in known if item.split == "test"}
        new = [replace(item, split="test") if group_of(item, group) in held_out else item for item in new]
    elif holdout > 0:
        new = _hold_out(new, holdout, group, seed)
    moved = [(number[item.id], item) for item in listed if item.id in number]
    with ledger.transaction():
        ledger.add_items(len(known), new)
        ledger.move_items((key, item.path) for key, item in moved if item.path != known[key].path)
    items = known + new
    present = np.zeros(len(items), bool)
    present[len(known) :] = True
    for key, item in moved:
        present[key] = True
        # The split is the ledger's; all else may have been corrected since.
        items[key] = replace(item, split=known[key].split)
    return Manifest(items, present, np.array([item.split == "pool" for item in items], bool))


def _hold_out(items: Sequence[Item], fraction: float, group: str, seed: int) -> list[Item]:
    labelled = [item for item in items if item.label is not None and item.split == "pool"]
    if any(item.split == "test" for item in items) or not labelled:
        return list(items)
    names = [group_of(item, group) for item in labelled]
    classes = [str(item.label) for item in labelled]
    chosen = draw_groups(names, classes, fraction, seeding.generator(seed, "holdout"))
    # All of a group: also its images without a label show what the labelled ones show.
    return [replace(item, split="test") if group_of(item, group) in chosen else item for item in items]


def group_of(item: Item, group: str) -> str:
    """What must not be cut: the item's sequence or camera, or, where it has none, the item alone."""
    name = getattr(item, group)
    return f"\0{item.id}" if name is None else str(name)


def draw_groups(names: Sequence[str], classes: Sequence[str], fraction: float, rng: np.random.Generator) -> set[str]:
    """Whole groups, at random, so that each class comes as near to `fraction` of its images as they allow.

    `names` (n,) says which group each image is in and `classes` (n,) what it shows; a group counts for the class that
    most of its images have.
    """
    groups, of = np.unique(np.asarray(names), return_inverse=True)
    labels, shows = np.unique(np.asarray(classes), return_inverse=True)
    pairs, counts = np.unique(np.stack([of, shows]), axis=1, return_counts=True)
    order = np.lexsort((counts, pairs[0]))  # by group, its commonest class last
    last = np.flatnonzero(np.append(np.diff(pairs[0][order]) > 0, True))
    main = pairs[1][order][last]
    sizes = np.bincount(of)
    chosen: set[str] = set()
    for label in range(len(labels)):
        mine = rng.permutation(np.flatnonzero(main == label))
        reached = np.concatenate([[0], np.cumsum(sizes[mine])])
        nearest = int(np.abs(reached - fraction * reached[-1]).argmin())
        chosen.update(groups[mine[:nearest]].tolist())
    return chosen
