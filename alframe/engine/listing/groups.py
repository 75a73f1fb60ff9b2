"""Groups that must not be cut when images are held out: bursts, cameras, and the boxes of one image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alframe.types import Item


def assign_groups(items: Sequence[Item], group: str) -> list[str]:
    """Return (n,) the name of each item's group: its camera (`group` "camera"), its sequence, or its image alone.

    A sequence, or the boxes of an image, are never in two groups. If a sequence has images of two cameras, their groups
    are joined.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    numbers: dict[tuple[str, str], int] = {}
    links = []
    has_boxes = any("box" in item.meta for item in items)
    for row, item in enumerate(items):
        links.append((row, numbers.setdefault(("group", _group_of_unlinked(item, group)), len(numbers))))
        if group == "camera" and item.sequence is not None:
            links.append((row, numbers.setdefault(("sequence", item.sequence), len(numbers))))
        if has_boxes:
            links.append((row, numbers.setdefault(("image", item.image_id), len(numbers))))
    n = len(items)
    rows, nodes = np.array(links, np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(rows), np.bool_), (rows, nodes + n)), shape=(n + len(numbers),) * 2)
    _, component = connected_components(graph, directed=False)
    _, first, component_numbers = np.unique(component[:n], return_index=True, return_inverse=True)
    names = [_group_of_unlinked(items[row], group) for row in first.tolist()]
    return [names[number] for number in component_numbers.tolist()]


def _group_of_unlinked(item: Item, by: str) -> str:
    """Return the name of an item's group, before groups are joined."""
    if by == "camera" and item.camera is not None:
        return item.camera
    if item.sequence is not None:
        return item.sequence if by == "sequence" else f"\0{item.sequence}"
    return f"\0\0{item.image_id}"


def draw_stratified_groups(
    names: Sequence[str], classes: Sequence[str], fraction: float, rng: np.random.Generator
) -> set[str]:
    """Draw whole groups at random, so that the part of each class is as near to `fraction` as possible.

    `names` (n,) has the group of each image, and `classes` (n,) its class. A group counts for the class of most of its
    images.
    """
    groups, group_numbers = np.unique(np.asarray(names), return_inverse=True)
    labels, label_numbers = np.unique(np.asarray(classes), return_inverse=True)
    pairs, counts = np.unique(np.stack([group_numbers, label_numbers]), axis=1, return_counts=True)
    order = np.lexsort((counts, pairs[0]))  # by group, its commonest class last
    is_last = np.append(np.diff(pairs[0][order]) > 0, True)
    main_label = pairs[1][order][is_last]
    sizes = np.bincount(group_numbers)
    drawn: set[str] = set()
    for label in range(len(labels)):
        candidates = rng.permutation(np.flatnonzero(main_label == label))
        totals = np.concatenate([[0], np.cumsum(sizes[candidates])])
        count = int(np.abs(totals - fraction * totals[-1]).argmin())
        drawn.update(groups[candidates[:count]].tolist())
    return drawn
