"""The sampler `informative_diverse`: uncertain images, with a limited number from each cluster."""

from __future__ import annotations

import numpy as np

from alframe.kit.clustering import cumulative_count, kmeans_centres, nearest_neighbours
from alframe.kit.parameters import require_at_least
from alframe.kit.scoring import require_finite
from alframe.samplers.uncertainty import margin_uncertainty
from alframe.types import Need, PoolView, Selection


class InformativeDiverse:
    """Select the images with the smallest margins, but from each cluster only its share of the batch.

    The clusters are made by k-means on the embeddings. The share of a cluster is its share of all images, with the
    labelled images included. Images are considered in the order of margin sampling. If places are left at the end, the
    next images in this order get them. The score is 1 - margin, from 0 to 1. This is the sampler of Google's
    active-learning playground (Yang 2017).
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
