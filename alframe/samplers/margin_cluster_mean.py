"""The sampler `margin_cluster_mean`: typical images among those inside the margin of the classifier."""

from __future__ import annotations

import numpy as np

from alframe.kit.chunks import row_slices
from alframe.kit.clustering import MIN_SAMPLE_ROWS_PER_PICK, kmeans_centres, nearest_neighbours
from alframe.kit.parameters import require_at_least
from alframe.kit.scoring import require_finite
from alframe.samplers.uncertainty import margin_uncertainty
from alframe.types import Bools, Floats, Ints, Need, PoolView, Selection


class MarginClusterMean:
    """Cluster the uncertain images ("inside the margin") by k-means, and select the image nearest to each centre.

    An image is inside the margin if it is nearer to the boundary of a class than all labelled images. Its distance to
    this boundary is the difference between the probability of the class and the highest probability of another class.
    If there are no more images inside the margin than in the batch, margin sampling chooses the whole batch. If
    clusters are empty, it chooses the rest of the batch. The score is 1 - margin, from 0 to 1. Xu, Yu, Tresp, Xu and
    Wang 2003, "Representative sampling for text classification using support vector machines".
    """

    needs = frozenset({Need.FEATURES, Need.PROBS, Need.LABELLED_PROBS})

    def __init__(self, rows: int = 100_000) -> None:
        require_at_least("sampler 'margin_cluster_mean'", 1, rows=rows)
        self.rows = rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        x, probs, labelled_probs = view.lazy_features, view.probs, view.labelled_probs
        uncertainty = margin_uncertainty(probs)
        require_finite(uncertainty, "class probabilities")
        order = rng.permutation(len(view))  # the first of a folder must not win every tie
        inside = order[is_inside_margin(probs, labelled_probs)[order]][: max(self.rows, MIN_SAMPLE_ROWS_PER_PICK * k)]
        medoids = inside[_choose_medoids(x[inside], k, rng)] if len(inside) > k else inside[:0]
        is_medoid = np.zeros(len(view), bool)
        is_medoid[medoids] = True
        rest = order[~is_medoid[order]]
        rest = rest[np.argsort(-uncertainty[rest], kind="stable")][: k - len(medoids)]
        rows = np.concatenate([medoids, rest])
        rows = rows[np.argsort(-uncertainty[rows], kind="stable")]
        return Selection(view.keys[rows], uncertainty[rows].astype(np.float32))


def is_inside_margin(probs: Floats, labelled_probs: Floats) -> Bools:
    """Return whether each of `probs` (n, C) is nearer to the boundary of a class than all `labelled_probs` (m, C)."""
    limits = _distances_to_boundaries(labelled_probs).min(axis=0, initial=np.inf)
    out = np.empty(len(probs), bool)
    for rows in row_slices(len(probs)):
        out[rows] = (_distances_to_boundaries(probs[rows]) < limits).any(axis=1)
    return out


def _distances_to_boundaries(probs: Floats) -> Floats:
    """Return the distance of each class's probability from the largest other probability (n, C)."""
    if probs.shape[1] < 2:
        return np.ones_like(probs)
    likeliest = probs.argmax(axis=1)[:, None]
    out: Floats = probs.max(axis=1, keepdims=True) - probs
    np.put_along_axis(out, likeliest, 1 - margin_uncertainty(probs)[:, None], axis=1)
    return out


def _choose_medoids(x: Floats, k: int, rng: np.random.Generator) -> Ints:
    """Return the row of `x` (n, D) nearest the centre of each of at most k clusters."""
    distances, cluster = (array[:, 0] for array in nearest_neighbours(x, kmeans_centres(x, k, rng)))
    order = np.lexsort((distances, cluster))
    return np.asarray(order[np.unique(cluster[order], return_index=True)[1]])
