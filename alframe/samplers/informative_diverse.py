"""Uncertain images in the proportions of the pool's clusters."""

from __future__ import annotations

import numpy as np

from alframe.kit.clustering import cumulative_count, kmeans_centres, nearest_neighbours
from alframe.kit.parameters import require_at_least
from alframe.kit.scoring import require_finite
from alframe.samplers.uncertainty import margin_uncertainty
from alframe.types import Need, PoolView, Selection


class InformativeDiverse:
    """Select the smallest margins, with as many images from each k-means cluster as its size deserves.

    After Google's active-learning playground (Yang 2017): in the order of margin sampling, an image is taken while its
    cluster has less than its share of the batch. Places left over go to the next in order. The score is 1 - margin.

    `clusters`: k-means clusters of the pool; None: as many as there are classes.
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES, Need.PROBS})

    def __init__(self, clusters: int | None = None) -> None:
        require_at_least("sampler 'informative_diverse'", 1, clusters=clusters)
        self.clusters = clusters

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        x, labelled = view.lazy_features, view.labelled_features
        uncertainty = margin_uncertainty(view.probs)
        require_finite(uncertainty, "class probabilities")
        centres = kmeans_centres(x, self.clusters or view.probs.shape[1], rng)
        cluster = nearest_neighbours(x, centres)[1][:, 0]
        labelled_cluster = nearest_neighbours(labelled, centres)[1][:, 0]
        sizes = np.bincount(np.concatenate([cluster, labelled_cluster]), minlength=len(centres))
        shares = -(-k * sizes // sizes.sum())  # rounded up, in whole numbers
        order = rng.permutation(len(view))  # the first of a folder must not win every tie
        order = order[np.argsort(-uncertainty[order], kind="stable")]
        fits = cumulative_count(cluster[order]) < shares[cluster[order]]
        chosen = np.concatenate([np.flatnonzero(fits), np.flatnonzero(~fits)])[:k]
        rows = order[np.sort(chosen)]
        return Selection(view.keys[rows], uncertainty[rows].astype(np.float32))
