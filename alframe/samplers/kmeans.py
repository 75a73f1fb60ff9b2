"""The image in the middle of each cluster: the pool in miniature."""

from __future__ import annotations

import numpy as np

from alframe.errors import BadParams
from alframe.kit.clustering import cluster_pool, nearest_neighbours, rank_within_group
from alframe.types import Need, PoolView, Selection


class KMeans:
    """k-means of all images into as many clusters as there will be labels, and of each the image nearest its centre.

    The centroid initialisation of Gupte et al. 2024, "Revisiting active learning in the era of vision foundation
    models", carried on as in TypiClust: clusters with the fewest labels first, then the largest. On embeddings of
    length 1. At most `clusters` are made. Of a pool of more than `rows` images, so many at random are looked at. Raises
    BadParams for parameters below 1.
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES})

    def __init__(self, clusters: int = 500, rows: int = 50_000) -> None:
        if min(clusters, rows) < 1:
            raise BadParams(
                "sampler 'kmeans' needs clusters and rows of 1 or more, "
                f"and was given clusters={clusters}, rows={rows}."
            )
        self.clusters = clusters
        self.rows = rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        k = min(k, len(view))
        if k <= 0:
            return Selection(view.keys[:0])
        rows, x, centres = cluster_pool(view, k, self.clusters, self.rows, "kmeans", rng)
        squares, cluster = nearest_neighbours(x, centres)
        known = np.bincount(cluster[len(rows) :, 0], minlength=len(centres))
        sizes = np.bincount(cluster[:, 0], minlength=len(centres))
        inward = np.argsort(squares[: len(rows), 0], kind="stable")
        mine = cluster[inward, 0]
        # Once round all clusters, then the second of each, and so on.
        order = np.lexsort((-sizes[mine], known[mine] + rank_within_group(mine)))
        return Selection(view.keys[rows[inward[order[:k]]]])
