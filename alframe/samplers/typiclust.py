"""The sampler `typiclust`: a typical image from each of the largest clusters without a label."""

from __future__ import annotations

import numpy as np

from alframe.kit.clustering import cumulative_count, kmeans_over_pool_and_labelled, nearest_neighbours
from alframe.kit.parameters import require_at_least
from alframe.kit.progress import track
from alframe.types import Floats, Ints, Need, PoolView, Selection

OUTLIER_SIZE = 5  # a cluster of so few is an outlier, not a kind of image: used only when nothing else is left
NEIGHBOURS = 20


class TypiClust:
    """Cluster the pool, and select the most typical image of each cluster.

    There are as many clusters as there will be labels after this round, at most `clusters`. They are made by k-means on
    embeddings of length 1. The clusters with the fewest labels come first, and among these the largest clusters. Very
    small clusters come last. The typicality of an image is 1 / mean distance to its 20 nearest neighbours in the
    cluster. Hacohen, Dekel and Weinshall 2022, "Active learning on a budget: opposite strategies suit high and low
    budgets".
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES})

    def __init__(self, clusters: int = 500, rows: int = 50_000) -> None:
        require_at_least("sampler 'typiclust'", 1, clusters=clusters, rows=rows)
        self.clusters, self.rows = clusters, rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        rows, x, centres = kmeans_over_pool_and_labelled(view, k, self.clusters, self.rows, rng)
        cluster = nearest_neighbours(x, centres)[1][:, 0]
        sizes = np.bincount(cluster, minlength=len(centres))
        label_counts = np.bincount(cluster[len(rows) :], minlength=len(centres))
        unlabelled_counts = np.bincount(cluster[: len(rows)], minlength=len(centres))
        order = np.lexsort((-sizes, label_counts, sizes <= OUTLIER_SIZE))
        order = order[unlabelled_counts[order] > 0]
        large = order[sizes[order] > OUTLIER_SIZE]
        priority = np.full(len(centres), len(order))
        priority[order] = np.arange(len(order))
        needed = large[:k] if len(large) >= k else order
        members, ranks = _order_by_typicality(x[: len(rows)], cluster[: len(rows)], needed)
        cluster_of = cluster[members]
        best = members[np.lexsort((priority[cluster_of], ranks, sizes[cluster_of] <= OUTLIER_SIZE))][:k]
        return Selection(view.keys[rows[best]])


def _order_by_typicality(x: Floats, cluster: Ints, cluster_numbers: Ints) -> tuple[Ints, Ints]:
    """Return the rows of the `cluster_numbers`, the most typical of each first, and each row's rank in its cluster."""
    ordered = []
    for number in track(cluster_numbers, "Typicality", unit="cluster"):
        rows = np.flatnonzero(cluster == number)
        ordered.append(rows[np.argsort(-typicality(x[rows]), kind="stable")])
    members = np.concatenate(ordered)
    return members, cumulative_count(cluster[members])


def typicality(x: Floats) -> Floats:
    """Return 1 / mean distance (n,) to the nearest 20 rows of `x` (n, D), or to half of the rows if there are few."""
    count = max(1, min(NEIGHBOURS, len(x) // 2))
    distances = np.sqrt(nearest_neighbours(x, x, count + 1)[0])  # the first is the row itself, at 0
    return np.asarray(1 / (distances.sum(axis=1) / count + 1e-5), np.float32)
