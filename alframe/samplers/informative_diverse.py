"""Doubtful images in the proportions of the pool's clusters."""

from __future__ import annotations

import numpy as np

from alframe.errors import BadParams
from alframe.kit.clustering import kmeans_centres, nearest_neighbours, rank_within_group
from alframe.kit.scoring import require_finite
from alframe.samplers.distance_bounds import row_sums
from alframe.samplers.uncertainty import margin
from alframe.types import Need, PoolView, Selection


class InformativeDiverse:
    """The smallest lead of the likeliest class over the second, with as many from each cluster as its size deserves.

    After Google's active-learning playground (Yang 2017): k-means of all images into `clusters` (None: as many as
    there are classes); in the order of margin sampling, an image is taken while its cluster has less than its share of
    the batch. Places that are left over go to the next in that order. Scores are 1 - lead, in 0..1. Raises BadParams
    for less than one cluster.
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES, Need.PROBS})

    def __init__(self, clusters: int | None = None) -> None:
        if clusters is not None and clusters < 1:
            raise BadParams(
                f"sampler 'informative_diverse' needs 1 cluster or more, and was given clusters={clusters}."
            )
        self.clusters = clusters

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        k = min(k, len(view))
        if k <= 0:
            return Selection(view.keys[:0], np.empty(0, np.float32))
        x, labelled = view.lazy_features, view.labelled_features
        doubt = margin(view.probs)
        require_finite(doubt, "informative_diverse", "class probabilities")
        require_finite(row_sums(x), "informative_diverse", "embeddings")
        require_finite(labelled.sum(axis=1), "informative_diverse", "embeddings", "labelled images")
        centres = kmeans_centres(x, self.clusters or view.probs.shape[1], rng)
        cluster = nearest_neighbours(x, centres)[1][:, 0]
        sizes = np.bincount(
            np.concatenate([cluster, nearest_neighbours(labelled, centres)[1][:, 0]]), minlength=len(centres)
        )
        share = -(-k * sizes // sizes.sum())  # rounded up, in whole numbers
        order = rng.permutation(len(view))  # the first of a folder must not win every tie
        order = order[np.argsort(-doubt[order], kind="stable")]
        fits = rank_within_group(cluster[order]) < share[cluster[order]]
        chosen = np.concatenate([np.flatnonzero(fits), np.flatnonzero(~fits)])[:k]
        rows = order[np.sort(chosen)]
        return Selection(view.keys[rows], doubt[rows])
