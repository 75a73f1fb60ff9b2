"""Doubtful images from as many clusters as there are."""

from __future__ import annotations

import numpy as np

from alframe.chunks import chunks
from alframe.errors import BadParams
from alframe.kit.clustering import nearest_neighbours, rank_within_group
from alframe.kit.scoring import require_finite, select_top_k
from alframe.samplers.uncertainty import margin
from alframe.types import Floats, Ints, LazyFeatures, Need, PoolView, Selection


class ClusterMargin:
    """Of the `candidates` x k images with the smallest margins, one of each cluster in turn, the smallest first.

    Citovsky et al. 2021, "Batch active learning at scale". Clusters, by average linkage, hold `size` candidates on
    average. The paper clusters the whole pool, once; that takes n x n numbers, so here it is the candidates, and of
    more than `rows` of them so many at random, whose nearest mean the others join. No scores: within a cluster, any
    image is taken. Raises BadParams for parameters below 1.
    """

    needs = frozenset({Need.FEATURES, Need.PROBS})

    def __init__(self, candidates: int = 10, size: int = 10, rows: int = 4000) -> None:
        if min(candidates, size, rows) < 1:
            raise BadParams(
                "sampler 'cluster_margin' needs candidates, size and rows of 1 or more; "
                f"it was given candidates={candidates}, size={size}, rows={rows}."
            )
        self.candidates = candidates
        self.size = size
        self.rows = rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        k = min(k, len(view))
        if k <= 0:
            return Selection(view.keys[:0])
        require_finite(view.probs.sum(axis=1), "cluster_margin", "class probabilities")
        doubtful = select_top_k(np.arange(len(view)), margin(view.probs), self.candidates * k, rng).keys
        rows = rng.permutation(doubtful)
        cluster = clusters(view.lazy_features, rows, self.size, self.rows)
        return Selection(view.keys[rows[in_turn(cluster, rng)[:k]]])


def clusters(x: Floats | LazyFeatures, rows: Ints, size: int, limit: int) -> Ints:
    """(r,) the cluster of each of the `rows` of `x` (n, D), which are in random order: of the first ones by linkage."""
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.metrics import euclidean_distances

    part = _finite(x[rows[:limit]])
    count = -(-len(part) // size)
    cluster = np.arange(len(part))
    if count < len(part):
        model = AgglomerativeClustering(n_clusters=count, metric="precomputed", linkage="average")
        cluster = model.fit_predict(euclidean_distances(part)).astype(np.int64)
    means = np.stack([part[cluster == number].mean(axis=0) for number in range(count)])
    for chunk in chunks(len(rows) - limit):
        others = _finite(x[rows[limit:][chunk]])
        cluster = np.concatenate([cluster, nearest_neighbours(others, means)[1][:, 0]])
    return cluster


def _finite(x: Floats) -> Floats:
    require_finite(x.sum(axis=1), "cluster_margin", "embeddings", "images looked at")
    return x


def in_turn(cluster: Ints, rng: np.random.Generator) -> Ints:
    """The entries of `cluster` (n,): one of each, from the smallest to the largest, then again while there are more."""
    numbers, cluster, sizes = np.unique(cluster, return_inverse=True, return_counts=True)
    tie = rng.permutation(len(numbers))
    order = rng.permutation(len(cluster))
    mine = cluster[order]
    return order[np.lexsort((tie[mine], sizes[mine], rank_within_group(mine)))]
