"""Put a batch into an order in which neighbours look alike."""

from __future__ import annotations

import numpy as np

from alframe.kit.clustering import unit_vectors
from alframe.types import Floats, Ints

_EXACT_ROWS = 300  # up to which all dimensions count, and the best order of a tree's leaves is found
_TREE_ROWS = 1000  # of which a tree is made at a time: it takes the square of that in memory and time
_DIRECTIONS = 32  # along which many rows are compared


def positions_by_similarity(features: Floats) -> Ints:
    """Return the position (n,) of each row of `features` (n, D) in an order in which neighbours look alike.

    It is the order of the leaves of a tree of average linkage on the rows scaled to length 1. If there are many rows,
    they are compared only along their main directions, and cut into parts along the first of these, each with a tree.
    """
    count, x = len(features), unit_vectors(features)
    rows = np.arange(count)
    if count > _EXACT_ROWS:
        x = x - x.mean(axis=0)
        sample = x[:: -(-count // _TREE_ROWS)]
        x = np.asarray(x @ np.linalg.svd(sample, full_matrices=False)[2][:_DIRECTIONS].T, np.float32)
        rows = np.argsort(x[:, 0], kind="stable")
    parts = np.array_split(rows, max(1, -(-count // _TREE_ROWS)))
    order = np.concatenate([part[_order_of_leaves(x[part])] for part in parts])
    positions = np.empty(count, np.int64)
    positions[order] = np.arange(count)
    return positions


def _order_of_leaves(x: Floats) -> Ints:
    if len(x) < 3:
        return np.arange(len(x))
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import pdist

    return np.asarray(leaves_list(linkage(pdist(x), "average", optimal_ordering=len(x) <= _EXACT_ROWS)), np.int64)
