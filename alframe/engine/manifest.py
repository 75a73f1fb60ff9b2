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
from alframe.types import Ints, Item


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

    The first time, a held-out split is drawn from the items that the pool has a label for, unless it
    has a test split of its own; it is never drawn again. Raises PoolError for an empty pool or one in which nothing
    that was there before is left.
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
    if not known:
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
    labelled = [row for row, item in enumerate(items) if item.label is not None and item.split == "pool"]
    if any(item.split == "test" for item in items) or fraction <= 0 or len(labelled) < 2:
        return list(items)
    test = {labelled[row] for row in _draw([items[row] for row in labelled], fraction, group, seed)}
    return [replace(item, split="test") if row in test else item for row, item in enumerate(items)]


def _draw(items: Sequence[Item], fraction: float, group: str, seed: int) -> Ints:
    """Rows of a test split that has every class in proportion and never cuts through a group."""
    from sklearn.model_selection import StratifiedGroupKFold

    y = np.unique([str(item.label) for item in items], return_inverse=True)[1]
    names = [getattr(item, group, None) or f"\0{row}" for row, item in enumerate(items)]
    groups = np.unique(names, return_inverse=True)[1]
    folds = min(max(2, round(1 / fraction)), len(np.unique(groups)))
    if folds < 2:
        return np.empty(0, np.int64)
    state = seeding.number(seed, "holdout")
    rows: Ints = next(iter(_quietly(StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=state), y, groups)))
    return rows


def _quietly(splitter: object, y: Ints, groups: Ints) -> list[Ints]:
    import warnings

    with warnings.catch_warnings():
        # A class with fewer images than folds cannot be in every fold; that is expected of rare species.
        warnings.simplefilter("ignore", UserWarning)
        return [test for _, test in splitter.split(y, y, groups)]  # type: ignore[attr-defined]
