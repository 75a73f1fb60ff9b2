"""The sampler `kmeans`: the image in the middle of each cluster, where a sequence counts as one image."""

from __future__ import annotations

import numpy as np

from alframe.kit.chunks import row_slices
from alframe.kit.clustering import (
    cumulative_count,
    kmeans_over_pool_and_labelled,
    nearest_neighbours,
    sample_rows,
    unit_vectors,
)
from alframe.kit.parameters import require_at_least
from alframe.types import Floats, Ints, Need, PoolView, Selection


class KMeans:
    """Cluster the pool, and select the image nearest to each centre.

    There are as many clusters as there will be labels after this round, at most `clusters`. They are made by k-means on
    embeddings of length 1. The clusters with the fewest labels come first, and among these the largest clusters (as in
    TypiClust). This is the centroid initialisation of Gupte et al. 2024, "Revisiting active learning in the era of
    vision foundation models".

    A sequence (burst) counts as one image, with the mean of its embeddings. The image nearest to this mean represents
    the sequence. Otherwise, a long burst would have its own clusters. If there are fewer sequences than images in the
    batch, every image counts as one image.
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES, Need.SEQUENCES})

    def __init__(self, clusters: int = 500, rows: int = 50_000) -> None:
        require_at_least("sampler 'kmeans'", 1, clusters=clusters, rows=rows)
        self.clusters, self.rows = clusters, rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        view = _view_of_sequences(view, self.rows, k, rng)
        rows, x, centres = kmeans_over_pool_and_labelled(view, k, self.clusters, self.rows, rng)
        distances, cluster = nearest_neighbours(x, centres)
        label_counts = np.bincount(cluster[len(rows) :, 0], minlength=len(centres))
        sizes = np.bincount(cluster[:, 0], minlength=len(centres))
        by_distance = np.argsort(distances[: len(rows), 0], kind="stable")
        cluster_of = cluster[by_distance, 0]
        # Once round all clusters, then the second image of each, and so on.
        order = np.lexsort((-sizes[cluster_of], label_counts[cluster_of] + cumulative_count(cluster_of)))
        return Selection(view.keys[rows[by_distance[order[:k]]]])


def _view_of_sequences(view: PoolView, limit: int, k: int, rng: np.random.Generator) -> PoolView:
    """Return the view of one image of each sequence, with the sequence's mean embedding; all images if these are < k.

    If the pool has more than `limit` images, only a random sample is used.
    """
    if (view.sequences < 0).all():
        return view
    rows = sample_rows(len(view), limit, k, rng)
    sequences = view.sequences[rows]
    groups = np.where(sequences < 0, sequences.max() + 1 + np.arange(len(rows)), sequences)  # -1: an image by itself
    groups = np.unique(groups, return_inverse=True)[1]
    if groups.max() + 1 < k:
        return view
    means, middles = _group_means_and_medoids(unit_vectors(view.lazy_features[rows]), groups)
    fields = {Need.FEATURES: means, Need.LABELLED_FEATURES: view.labelled_features}
    return PoolView(view.keys[rows[middles]], fields)


def _group_means_and_medoids(x: Floats, groups: Ints) -> tuple[Floats, Ints]:
    """Return the mean of each group (g, D) of the rows of `x` (n, D), of length 1, and the row (g,) nearest to it.

    `groups` (n,) has the numbers 0..g-1.
    """
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(groups.max() + 1))
    sums = np.add.reduceat(x[order], starts)
    means = np.asarray(sums / np.bincount(groups)[:, None], np.float32)
    similarity = np.empty(len(x), np.float32)
    for rows in row_slices(len(x), bytes_per_row=4 * x.shape[1]):
        similarity[rows] = np.einsum("nd,nd->n", x[rows], means[groups[rows]])
    return means, np.lexsort((-similarity, groups))[starts]
