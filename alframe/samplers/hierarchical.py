"""Clusters in clusters: labels are asked for where a cluster is large and not yet known to be of one class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import ward

from alframe.errors import BadParams
from alframe.kit.clustering import kmeans_centres, nearest_neighbours
from alframe.kit.scoring import require_finite
from alframe.samplers.distance_bounds import row_sums
from alframe.types import Ints, Need, PoolView, Selection

Doubles = npt.NDArray[np.float64]


class Hierarchical:
    """Random images of the clusters of a pruned tree, in proportion to size times (1 - bound on the purity).

    Dasgupta and Hsu 2008, "Hierarchical sampling for active learning": the labels so far give each cluster bounds on
    the share of each class; the tree (Ward's) is cut where, as far as is known, that leaves the fewest images of
    another class than their cluster's. `beta` says how much better than any other class a cluster's own must be; above
    1. Instead of following the labels through the rounds, each round starts at the root with all of them. Of more than
    `leaves` images, the leaves are so many k-means clusters of them. Raises BadParams for parameters out of range.
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES, Need.LABELS})

    def __init__(self, beta: float = 2.0, leaves: int = 500) -> None:
        if beta <= 1 or leaves < 2:
            raise BadParams(
                f"sampler 'hierarchical' needs beta > 1 and 2 leaves; it was given beta={beta}, leaves={leaves}."
            )
        self.beta = beta
        self.leaves = leaves

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        k = min(k, len(view))
        if k <= 0:
            return Selection(view.keys[:0])
        x, labelled, labels = view.lazy_features, view.labelled_features, view.labels
        require_finite(row_sums(x), "hierarchical", "embeddings")
        require_finite(labelled.sum(axis=1), "hierarchical", "embeddings", "labelled images")
        few = len(x) + len(labelled) <= self.leaves
        centres = np.concatenate([x[:], labelled]) if few else kmeans_centres(x, self.leaves, rng, tries=1)
        leaf = nearest_neighbours(x, centres)[1][:, 0]
        counts = np.zeros((len(centres), labels.max(initial=0) + 1), np.int64)
        np.add.at(counts, (nearest_neighbours(labelled, centres)[1][:, 0], labels), 1)
        sizes = np.bincount(leaf, minlength=len(centres)) + counts.sum(axis=1)
        children = (
            ward(centres.astype(np.float64))[:, :2].astype(np.int64) if len(centres) > 1 else np.empty((0, 2), int)
        )
        cluster_of, weights = pruned(children, sizes, counts, self.beta)
        return Selection(view.keys[_draw(cluster_of[leaf], weights, k, rng)])


def pruned(children: Ints, sizes: Ints, counts: Ints, beta: float) -> tuple[Ints, Doubles]:
    """The best admissible pruning: the cluster of each of the L leaves, and each cluster's weight, (2 L - 1,).

    The weight is size x (1 - lower bound on the share of its class), and 0 for nodes that are no cluster.
    `children` (L - 1, 2) are the two parts of the nodes L, L + 1, ..., the root being the last; `sizes` (L,) count the
    images of the leaves and `counts` (L, C) those with a label, by class.
    """
    leaves = len(sizes)
    size = np.concatenate([sizes, np.zeros(len(children), np.int64)])
    seen = np.concatenate([counts, np.zeros((len(children), counts.shape[1]), np.int64)])
    for node, (left, right) in enumerate(children, leaves):
        size[node] = size[left] + size[right]
        seen[node] = seen[left] + seen[right]
    lower, errors = _bounds(seen, beta)
    admissible = errors.min(axis=1) < 1
    scores = errors.min(axis=1) * size  # in images, so that a split's is the sum of its parts'
    split = np.zeros(len(size), bool)
    for node, (left, right) in enumerate(children, leaves):
        apart = scores[left] + scores[right]
        if admissible[node] and apart < scores[node]:
            scores[node], split[node] = apart, True
    own = errors.argmin(axis=1)
    cluster, weights = np.arange(len(size), dtype=np.int64), np.zeros(len(size))
    for node in range(len(size) - 1, -1, -1):  # parents before their parts
        parts = children[node - leaves] if node >= leaves else np.empty(0, np.int64)
        if cluster[node] == node and split[node]:
            for part in parts:
                own[part] = own[part] if admissible[part] else own[node]
            continue
        if cluster[node] == node:
            weights[node] = size[node] * (1 - lower[node, own[node]])
        cluster[parts] = cluster[node]
    return cluster[:leaves], weights


def _bounds(seen: Ints, beta: float) -> tuple[Doubles, Doubles]:
    """(N, C) lower bounds on the shares of the classes, and the errors of naming a cluster so: 1 if inadmissible."""
    total = seen.sum(axis=1, keepdims=True)
    share = seen / np.maximum(total, 1)
    width = np.where(total > 0, 1 / np.maximum(total, 1) + np.sqrt(share * (1 - share) / np.maximum(total, 1)), 1)
    lower = np.clip(share - width, 0, 1)
    if seen.shape[1] == 1:  # no other class to be worse than
        return lower, np.where(total > 0, 0.0, 1.0)
    upper = np.clip(share + width, 0, 1)
    order = np.sort(upper, axis=1)
    rival = np.where(upper == order[:, -1:], order[:, -2:-1], order[:, -1:])  # the largest upper bound of another
    return lower, np.where(1 - lower < beta * (1 - rival), 1 - share, 1.0)


def _draw(cluster: Ints, weights: Doubles, k: int, rng: np.random.Generator) -> Ints:
    """k distinct rows: each time a cluster by its weight, and in it a row at random; `cluster` (n,) is that of each."""
    shuffled = rng.permutation(len(cluster))
    order = shuffled[np.argsort(cluster[shuffled], kind="stable")]
    numbers, starts, left = np.unique(cluster[order], return_index=True, return_counts=True)
    weight = weights[numbers]
    chosen = []
    for _ in range(k):
        place = rng.choice(len(numbers), p=weight / weight.sum())
        left[place] -= 1
        chosen.append(order[starts[place] + left[place]])
        if not left[place]:
            weight[place] = 0
    return np.array(chosen, np.int64)
