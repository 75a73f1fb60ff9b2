"""What must not be cut when images are held out: bursts, cameras, and the boxes of one image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from alframe.types import Item


def _own_group(item: Item, group: str) -> str:
    """What must not be cut: the item's camera (with group "camera"), or else its sequence, or else its image alone."""
    if group == "camera" and item.camera is not None:
        return item.camera
    if item.sequence is not None:
        return item.sequence if group == "sequence" else f"\0{item.sequence}"
    return f"\0\0{item.image}"


def assign_groups(items: Sequence[Item], group: str) -> list[str]:
    """(n,) a name of the group each item is in, such that no group cuts a sequence, nor parts the boxes of an image.

    Where a sequence spans two cameras, or a box of an image has come to it later, groups are joined.
    """
    numbers: dict[tuple[str, str], int] = {}
    links = []
    boxes = any("box" in item.meta for item in items)
    for row, item in enumerate(items):
        links.append((row, numbers.setdefault(("group", _own_group(item, group)), len(numbers))))
        if group == "camera" and item.sequence is not None:
            links.append((row, numbers.setdefault(("sequence", item.sequence), len(numbers))))
        if boxes:
            links.append((row, numbers.setdefault(("image", item.image), len(numbers))))
    n = len(items)
    rows, nodes = np.array(links, np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(rows), np.bool_), (rows, nodes + n)), shape=(n + len(numbers),) * 2)
    _, part = connected_components(graph, directed=False)
    _, first, of = np.unique(part[:n], return_index=True, return_inverse=True)
    names = [_own_group(items[at], group) for at in first.tolist()]
    return [names[one] for one in of.tolist()]


def draw_stratified_groups(
    names: Sequence[str], classes: Sequence[str], fraction: float, rng: np.random.Generator
) -> set[str]:
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
