"""A typical image from each of the largest clusters that have no label yet."""

from __future__ import annotations

import numpy as np

from alframe.errors import BadParams
from alframe.kit.clustering import cluster_pool, nearest_neighbours, rank_within_group
from alframe.progress import track
from alframe.types import Floats, Ints, Need, PoolView, Selection

SMALL = 5  # a cluster of so few is an outlier, not a kind of image: used only when nothing else is left
NEIGHBOURS = 20


class TypiClust:
    """k-means of all images into as many clusters as there will be labels, and from each the most typical image.

    Hacohen, Dekel and Weinshall 2022, "Active learning on a budget: opposite strategies suit high and low budgets":
    clusters with the fewest labels first, then the largest; typicality is 1 / mean distance to the 20 nearest
    neighbours in the cluster, on embeddings of length 1. At most `clusters` are made. Of a pool of more than `rows`
    images, so many at random are looked at. Raises BadParams for parameters below 1.
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES})

    def __init__(self, clusters: int = 500, rows: int = 50_000) -> None:
        if min(clusters, rows) < 1:
            raise BadParams(
                "sampler 'typiclust' needs clusters and rows of 1 or more, "
                f"and was given clusters={clusters}, rows={rows}."
            )
        self.clusters = clusters
        self.rows = rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        k = min(k, len(view))
        if k <= 0:
            return Selection(view.keys[:0])
        rows, x, centres = cluster_pool(view, k, self.clusters, self.rows, "typiclust", rng)
        cluster = nearest_neighbours(x, centres)[1][:, 0]
        sizes = np.bincount(cluster, minlength=len(centres))
        known = np.bincount(cluster[len(rows) :], minlength=len(centres))
        free = np.bincount(cluster[: len(rows)], minlength=len(centres))
        order = np.lexsort((-sizes, known, sizes <= SMALL))
        order = order[free[order] > 0]
        large = order[sizes[order] > SMALL]
        place = np.full(len(centres), len(order))
        place[order] = np.arange(len(order))
        members, turn = _by_typicality(x[: len(rows)], cluster[: len(rows)], large[:k] if len(large) >= k else order)
        home = cluster[members]
        best = members[np.lexsort((place[home], turn, sizes[home] <= SMALL))][:k]
        return Selection(view.keys[rows[best]])


def _by_typicality(x: Floats, cluster: Ints, wanted: Ints) -> tuple[Ints, Ints]:
    """The rows of the `wanted` clusters, the most typical of each first, and each row's place within its cluster."""
    order = np.argsort(cluster, kind="stable")
    ends = np.searchsorted(cluster[order], wanted, side="right")
    starts = np.searchsorted(cluster[order], wanted, side="left")
    parts = []
    for start, end in track(list(zip(starts, ends, strict=True)), "Typicality", unit="cluster"):
        rows = order[start:end]
        parts.append(rows[np.argsort(-typicality(x[rows]), kind="stable")])
    members = np.concatenate(parts)
    return members, rank_within_group(cluster[members])


def typicality(x: Floats) -> Floats:
    """(n,) 1 / mean distance to the nearest 20 rows of `x` (n, D), or to half of them where there are fewer."""
    count = max(1, min(NEIGHBOURS, len(x) // 2))
    distances = np.sqrt(nearest_neighbours(x, x, count + 1)[0])  # the first is the row itself, at 0
    return np.asarray(1 / (distances.sum(axis=1) / count + 1e-5), np.float32)
