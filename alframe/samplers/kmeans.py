"""The image in the middle of each cluster: the pool in miniature."""

from __future__ import annotations

import numpy as np

from alframe.kit.clustering import cumulative_count, kmeans_over_pool_and_labelled, nearest_neighbours
from alframe.kit.parameters import require_at_least
from alframe.types import Need, PoolView, Selection


class KMeans:
    """Cluster the pool into as many clusters as there will be labels, and take the image nearest each centre.

    The centroid initialisation of Gupte et al. 2024, "Revisiting active learning in the era of vision foundation
    models", on embeddings of length 1; as in TypiClust, clusters with the fewest labels come first, then the largest.

    `clusters`: k-means clusters, at most.
    `rows`: images looked at, at most: a random sample of a larger pool.
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES})

    def __init__(self, clusters: int = 500, rows: int = 50_000) -> None:
        require_at_least("sampler 'kmeans'", 1, clusters=clusters, rows=rows)
        self.clusters, self.rows = clusters, rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """Select as the Sampler contract says."""
        rows, x, centres = kmeans_over_pool_and_labelled(view, k, self.clusters, self.rows, rng)
        distances, cluster = nearest_neighbours(x, centres)
        label_counts = np.bincount(cluster[len(rows) :, 0], minlength=len(centres))
        sizes = np.bincount(cluster[:, 0], minlength=len(centres))
        by_distance = np.argsort(distances[: len(rows), 0], kind="stable")
        cluster_of = cluster[by_distance, 0]
        # Once round all clusters, then the second image of each, and so on.
        order = np.lexsort((-sizes[cluster_of], label_counts[cluster_of] + cumulative_count(cluster_of)))
        return Selection(view.keys[rows[by_distance[order[:k]]]])
