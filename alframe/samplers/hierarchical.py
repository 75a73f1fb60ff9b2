"""The sampler `hierarchical`: images from large clusters that are not yet known to be of one class."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import ward
from scipy.spatial.distance import cdist

from alframe.kit.clustering import kmeans_centres, nearest_neighbours
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.types import Floats, Floats64, Ints, Need, PoolView, Selection


class Hierarchical:
    """Draw images from the clusters that are large and not yet known to be of one class.

    The clusters come from a tree by Ward's method. The labels give bounds on the share of each class in each cluster.
    The tree is cut into clusters that contain as few images of other classes as possible, as far as the labels show. A
    cluster is drawn with a probability proportional to its size x (1 - lower bound on the share of its class). Then one
    of its images is drawn at random. In each round, the tree is cut again with all labels. Dasgupta and Hsu 2008,
    "Hierarchical sampling for active learning".
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES, Need.LABELS})

    def __init__(self, beta: float = 2.0, leaves: int = 500) -> None:
        require_parameter("sampler 'hierarchical'", beta > 1, "above 1", beta=beta)
        require_at_least("sampler 'hierarchical'", 2, leaves=leaves)
        self.beta, self.leaves = beta, leaves

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        x, labelled, labels = view.lazy_features, view.labelled_features, view.labels
        fits = len(x) + len(labelled) <= self.leaves
        centres = np.concatenate([x[:], labelled]) if fits else kmeans_centres(x, self.leaves, rng, tries=1)
        leaf = nearest_neighbours(x, centres)[1][:, 0]
        counts = np.zeros((len(centres), labels.max(initial=0) + 1), np.int64)
        np.add.at(counts, (nearest_neighbours(labelled, centres)[1][:, 0], labels), 1)
        sizes = np.bincount(leaf, minlength=len(centres)) + counts.sum(axis=1)
        children = np.empty((0, 2), np.int64)
        if len(centres) > 1:
            children = ward(centres.astype(np.float64))[:, :2].astype(np.int64) if fits else ward_tree(centres, sizes)
        cluster, weights = prune_tree(children, sizes, counts, self.beta)
        return Selection(view.keys[_draw_by_weight(cluster[leaf], weights, k, rng)])


def ward_tree(centres: Floats, sizes: Ints) -> Ints:
    """Return the children (L - 1, 2) of the nodes L, L + 1, ... of Ward's tree over clusters (L, D) of `sizes` (L,).

    SciPy's tree counts each point once. Here, the cost of joining two clusters is the increase of the squared distances
    of all their images to the mean. The method is chains of nearest neighbours: Murtagh 1985, "Multidimensional
    clustering algorithms".
    """
    weight = np.maximum(sizes, 1).astype(np.float64)  # an empty cluster joins its nearest
    cost = cdist(centres, centres, "sqeuclidean") * (weight[:, None] * weight / (weight[:, None] + weight))
    np.fill_diagonal(cost, np.inf)
    node, children, chain = np.arange(len(centres)), list[tuple[int, int]](), list[int]()
    while len(children) < len(centres) - 1:
        chain = chain or [int(np.flatnonzero(np.isfinite(cost).any(axis=1))[0])]
        a, nearest = chain[-1], int(cost[chain[-1]].argmin())
        if len(chain) == 1 or cost[a, nearest] < cost[a, chain[-2]]:
            chain.append(nearest)
            continue
        b = chain[-2]
        del chain[-2:]
        children.append((int(node[a]), int(node[b])))
        node[a] = len(centres) + len(children) - 1
        row = (weight[a] + weight) * cost[a] + (weight[b] + weight) * cost[b] - weight * cost[a, b]
        row /= weight[a] + weight[b] + weight
        row[[a, b]] = np.inf
        weight[a] += weight[b]
        cost[a], cost[:, a] = row, row
        cost[b], cost[:, b] = np.inf, np.inf
    return np.array(children, np.int64)


def prune_tree(children: Ints, sizes: Ints, counts: Ints, beta: float) -> tuple[Ints, Floats64]:
    """Return the cluster of each of the L leaves (L,) and the weights of all nodes (2 L - 1,), by the best pruning.

    The weight is size x (1 - lower bound on the share of its class), and 0 for nodes that are not clusters. `children`
    (L - 1, 2) are the children of the nodes L, L + 1, ..., and the last node is the root. `sizes` (L,) are the numbers
    of images of the leaves, and `counts` (L, C) their labelled images by class.
    """
    leaves = len(sizes)
    size = np.concatenate([sizes, np.zeros(len(children), np.int64)])
    class_counts = np.concatenate([counts, np.zeros((len(children), counts.shape[1]), np.int64)])
    for node, (left, right) in enumerate(children, leaves):
        size[node] = size[left] + size[right]
        class_counts[node] = class_counts[left] + class_counts[right]
    lower, errors = _lower_bounds_and_errors(class_counts, beta)
    admissible = errors.min(axis=1) < 1
    scores = errors.min(axis=1) * size  # in images, so that those of two children add up
    is_split = np.zeros(len(size), bool)
    for node, (left, right) in enumerate(children, leaves):
        split_score = scores[left] + scores[right]
        if admissible[node] and split_score < scores[node]:
            scores[node], is_split[node] = split_score, True
    class_of = errors.argmin(axis=1)
    cluster, weights = np.arange(len(size), dtype=np.int64), np.zeros(len(size))
    for node in range(len(size) - 1, -1, -1):  # parents before their children
        child_nodes = children[node - leaves] if node >= leaves else np.empty(0, np.int64)
        if cluster[node] == node and is_split[node]:
            for child in child_nodes:
                class_of[child] = class_of[child] if admissible[child] else class_of[node]
            continue
        if cluster[node] == node:
            weights[node] = size[node] * (1 - lower[node, class_of[node]])
        cluster[child_nodes] = cluster[node]
    return cluster[:leaves], weights


def _lower_bounds_and_errors(class_counts: Ints, beta: float) -> tuple[Floats64, Floats64]:
    """Return lower bounds (N, C) of the shares of the classes, and the error (N, C) of giving a cluster a class.

    The error is the share of the other classes, or 1 if the class is not admissible.
    """
    total = class_counts.sum(axis=1, keepdims=True)
    share = class_counts / np.maximum(total, 1)
    width = np.where(total > 0, 1 / np.maximum(total, 1) + np.sqrt(share * (1 - share) / np.maximum(total, 1)), 1)
    lower = np.clip(share - width, 0, 1)
    if class_counts.shape[1] == 1:  # there is no other class to be worse than
        return lower, np.where(total > 0, 0.0, 1.0)
    upper = np.clip(share + width, 0, 1)
    ordered = np.sort(upper, axis=1)
    rival_upper = np.where(upper == ordered[:, -1:], ordered[:, -2:-1], ordered[:, -1:])  # the largest of another class
    return lower, np.where(1 - lower < beta * (1 - rival_upper), 1 - share, 1.0)


def _draw_by_weight(cluster: Ints, weights: Floats64, k: int, rng: np.random.Generator) -> Ints:
    """Draw k distinct rows: each time a cluster by its weight, then one of its rows. `cluster` (n,) is by row."""
    shuffled = rng.permutation(len(cluster))
    order = shuffled[np.argsort(cluster[shuffled], kind="stable")]
    numbers, starts, remaining = np.unique(cluster[order], return_index=True, return_counts=True)
    weight = weights[numbers]
    chosen = []
    for _ in range(k):
        drawn = rng.choice(len(numbers), p=weight / weight.sum())
        remaining[drawn] -= 1
        chosen.append(order[starts[drawn] + remaining[drawn]])
        if not remaining[drawn]:
            weight[drawn] = 0
    return np.array(chosen, np.int64)
