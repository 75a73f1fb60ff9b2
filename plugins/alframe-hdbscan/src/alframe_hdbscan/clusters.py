"""A sampler that takes equal numbers of images from each HDBSCAN cluster, and some images outside all clusters."""

from __future__ import annotations

import numpy as np

from alframe.kit.clustering import cumulative_count, sample_rows
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.types import Floats, Ints, PoolView, Selection
from alframe_hdbscan.space import Space, coordinates, needs_for

MIN_CLUSTER_SIZE = 5  # however small the pool


class Clusters:
    """Select the same number of random images from each HDBSCAN cluster, and a part of the batch from the noise.

    Campello, Moulavi and Sander 2013, "Density-based clustering based on hierarchical density estimates". If the
    clusters and the noise have too few images, the others are drawn at random.

    `by`: the numbers that are clustered: the head's "logits", or the "features" (their 32 principal components).
    `smallest`: the smallest number of images in a cluster, at least 2; it is halved, down to 5, until there is one.
    `neighbours`: the number of nearest images whose distances give the density around an image.
    `outliers`: the share of the batch that comes from the noise, 0..1.
    `rows`: the largest number of images to look at; of a larger pool, a random sample is used.
    """

    def __init__(
        self, by: Space = "logits", smallest: int = 100, neighbours: int = 5, outliers: float = 0.2, rows: int = 20_000
    ) -> None:
        require_at_least("sampler 'clusters'", 2, smallest=smallest, rows=rows)
        require_at_least("sampler 'clusters'", 1, neighbours=neighbours)
        require_parameter("sampler 'clusters'", 0 <= outliers <= 1, "between 0 and 1", outliers=outliers)
        self.needs = needs_for("clusters", by)
        self.by, self.smallest, self.neighbours, self.outliers, self.rows = by, smallest, neighbours, outliers, rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """Select as the Sampler contract says."""
        rows = sample_rows(len(view), self.rows, k, rng)
        cluster = self._cluster(coordinates(view, self.by, rows, rng))
        noise = np.flatnonzero(cluster < 0)[: round(self.outliers * k)]
        clustered = np.flatnonzero(cluster >= 0)
        # The clusters are in random order, so that no cluster is always first if there are more clusters than places.
        number = rng.permutation(cluster.max(initial=0) + 1)[cluster[clustered]]
        clustered = clustered[np.lexsort((number, cumulative_count(number)))][: k - len(noise)]
        chosen = np.concatenate([clustered, noise])
        rest = np.setdiff1d(np.arange(len(rows)), chosen)  # in the random order of the rows
        return Selection(view.keys[rows[np.concatenate([chosen, rest])[:k]]])

    def _cluster(self, x: Floats) -> Ints:
        """Return the number of each row's cluster (n,); -1 for noise."""
        from sklearn.cluster import HDBSCAN

        size = min(self.smallest, len(x) // 2)
        while size >= min(self.smallest, MIN_CLUSTER_SIZE):
            model = HDBSCAN(min_cluster_size=size, min_samples=min(self.neighbours, len(x)), copy=True)
            cluster: Ints = model.fit_predict(x).astype(np.int64)
            if cluster.max() >= 0:
                return cluster
            size //= 2
        return np.full(len(x), -1)
