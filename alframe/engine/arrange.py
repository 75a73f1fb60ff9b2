"""Put a batch into an order in which neighbours look alike."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage

from alframe.types import Floats, Ints

_TREE_ROWS = 1000  # of which a tree is made at a time: it takes the square of that in memory and time


def order_by_similarity(features: Floats) -> Ints:
    """Return the place (n,) of each row of `features` (n, D) in an order in which neighbours look alike.

    It is the order of the leaves of a tree of average linkage on cosine distances. Many rows are first cut into parts
    along their main direction, with a tree for each.
    """
    count = len(features)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    x = np.asarray(features / np.where(lengths > 0, lengths, 1), np.float32)
    rows = np.arange(count)
    if count > _TREE_ROWS:
        centred = x - x.mean(axis=0)
        direction = np.linalg.eigh(centred.T @ centred)[1][:, -1]
        rows = np.argsort(centred @ direction, kind="stable")
    parts = np.array_split(rows, max(1, -(-count // _TREE_ROWS)))
    order = np.concatenate([part[_order_of_leaves(x[part])] for part in parts])
    places = np.empty(count, np.int64)
    places[order] = np.arange(count)
    return places


def _order_of_leaves(x: Floats) -> Ints:
    if len(x) < 3:
        return np.arange(len(x))
    return np.asarray(leaves_list(linkage(x, "average", optimal_ordering=len(x) <= 300)), np.int64)
