"""Typical ones of the images that lie inside the classifier's margin."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from alframe.chunks import chunks
from alframe.errors import BadParams
from alframe.kit.clustering import MIN_ROWS_PER_IMAGE, kmeans_centres, nearest_neighbours
from alframe.kit.scoring import require_finite
from alframe.samplers.distance_bounds import row_sums
from alframe.samplers.uncertainty import margin
from alframe.types import Floats, Ints, Need, PoolView, Selection


class MarginClusterMean:
    """The images nearest the k-means centres of those inside the margin.

    Xu, Yu, Tresp, Xu and Wang 2003, "Representative sampling for text classification using support vector machines".
    An image is inside when it is nearer the boundary of some class than every labelled image is; its distance there is
    the difference of that class's probability and the largest other one. Where fewer than k are inside, or clusters
    are empty, margin sampling fills up. Of more than `rows` images inside, so many at random are looked at. Scores are
    1 less the lead of the likeliest class, in 0..1. Raises BadParams for `rows` below 1.
    """

    needs = frozenset({Need.FEATURES, Need.PROBS, Need.LABELLED_PROBS})

    def __init__(self, rows: int = 100_000) -> None:
        if rows < 1:
            raise BadParams(f"sampler 'margin_cluster_mean' needs rows of 1 or more, and was given rows={rows}.")
        self.rows = rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        k = min(k, len(view))
        if k <= 0:
            return Selection(view.keys[:0], np.empty(0, np.float32))
        x, probs, labelled = view.lazy_features, view.probs, view.labelled_probs
        doubt = margin(probs)
        require_finite(doubt, "margin_cluster_mean", "class probabilities")
        require_finite(margin(labelled), "margin_cluster_mean", "class probabilities", "labelled images")
        require_finite(row_sums(x), "margin_cluster_mean", "embeddings")
        order = rng.permutation(len(view))  # the first of a folder must not win every tie
        within = order[inside(probs, labelled)[order]][: max(self.rows, MIN_ROWS_PER_IMAGE * k)]
        medoids = within[medoids_of(x[within], k, rng)] if len(within) > k else within[:0]
        taken = np.zeros(len(view), bool)
        taken[medoids] = True
        rest = order[~taken[order]]
        rest = rest[np.argsort(-doubt[rest], kind="stable")][: k - len(medoids)]
        rows = np.concatenate([medoids, rest])
        rows = rows[np.argsort(-doubt[rows], kind="stable")]
        return Selection(view.keys[rows], doubt[rows])


def inside(probs: Floats, labelled: Floats) -> npt.NDArray[np.bool_]:
    """(n,) whether a row of `probs` (n, C) is nearer a class's boundary than all of `labelled` (m, C); all if m = 0."""
    limits = _to_boundaries(labelled).min(axis=0, initial=np.inf)
    out = np.empty(len(probs), bool)
    for rows in chunks(len(probs)):
        out[rows] = (_to_boundaries(probs[rows]) < limits).any(axis=1)
    return out


def _to_boundaries(probs: Floats) -> Floats:
    """(n, C) how far each class's probability is from the largest other one."""
    if probs.shape[1] < 2:
        return np.ones_like(probs)
    best = probs.argmax(axis=1)[:, None]
    out: Floats = probs.max(axis=1, keepdims=True) - probs
    np.put_along_axis(out, best, 1 - margin(probs)[:, None], axis=1)
    return out


def medoids_of(x: Floats, k: int, rng: np.random.Generator) -> Ints:
    """The row of `x` (n, D) nearest its k-means centre, for each of at most k clusters."""
    squares, cluster = (array[:, 0] for array in nearest_neighbours(x, kmeans_centres(x, k, rng)))
    order = np.lexsort((squares, cluster))
    first: Ints = order[np.unique(cluster[order], return_index=True)[1]]
    return first
