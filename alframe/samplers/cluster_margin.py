"""The sampler `cluster_margin`: uncertain images from as many clusters as possible."""

from __future__ import annotations

import numpy as np

from alframe.kit.chunks import row_slices
from alframe.kit.clustering import cumulative_count, nearest_neighbours
from alframe.kit.parameters import require_at_least
from alframe.kit.scoring import require_measurable, select_top_k
from alframe.samplers.uncertainty import margin_uncertainty
from alframe.types import Floats, Ints, LazyFeatures, Need, PoolView, Selection


class ClusterMargin:
    """Cluster the images with the smallest margins, and select one image of each cluster in turn.

    The smallest clusters come first. Within a cluster, the image is drawn at random, so there are no scores. The
    clusters are made by average linkage on the embeddings. The paper clusters the whole pool once. This needs n x n
    numbers, so here only the images with the smallest margins are clustered. Citovsky et al. 2021, "Batch active
    learning at scale".
    """

    needs = frozenset({Need.FEATURES, Need.PROBS})

    def __init__(self, candidates: int = 10, size: int = 10, rows: int = 4000) -> None:
        require_at_least("sampler 'cluster_margin'", 1, candidates=candidates, size=size, rows=rows)
        self.candidates, self.size, self.rows = candidates, size, rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        uncertainty = margin_uncertainty(view.probs)
        candidates = rng.permutation(select_top_k(np.arange(len(view)), uncertainty, self.candidates * k, rng).keys)
        cluster = cluster_rows(view.lazy_features, candidates, self.size, self.rows)
        return Selection(view.keys[candidates[round_robin_order(cluster, rng)[:k]]])


def cluster_rows(x: Floats | LazyFeatures, rows: Ints, mean_size: int, max_linked: int) -> Ints:
    """Return the cluster (r,) of each of `rows` (r,) of `x` (n, D), by average linkage of the first `max_linked`.

    `mean_size` is the mean number of rows in a cluster. The other rows join the nearest cluster mean.
    """
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.metrics import euclidean_distances

    linked = x[rows[:max_linked]]
    require_measurable(linked, "embeddings", "images looked at")
    count = -(-len(linked) // mean_size)
    cluster = np.arange(len(linked))
    if count < len(linked):
        model = AgglomerativeClustering(n_clusters=count, metric="precomputed", linkage="average")
        cluster = model.fit_predict(euclidean_distances(linked)).astype(np.int64)
    means = np.stack([linked[cluster == number].mean(axis=0) for number in range(count)])
    for chunk in row_slices(len(rows) - max_linked):
        cluster = np.concatenate([cluster, nearest_neighbours(x[rows[max_linked:][chunk]], means)[1][:, 0]])
    return cluster


def round_robin_order(cluster: Ints, rng: np.random.Generator) -> Ints:
    """Return indices of `cluster` (n,) in an order that takes one of each cluster in turn, smallest clusters first."""
    numbers, cluster, sizes = np.unique(cluster, return_inverse=True, return_counts=True)
    tie_breaker = rng.permutation(len(numbers))
    shuffled = rng.permutation(len(cluster))
    cluster_of = cluster[shuffled]
    return shuffled[np.lexsort((tie_breaker[cluster_of], sizes[cluster_of], cumulative_count(cluster_of)))]
