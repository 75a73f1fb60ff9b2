"""Coverage while classes are still being found, then what the head doubts: by weighted clusters."""

from __future__ import annotations

import numpy as np

from alframe.errors import BadParams
from alframe.kit.clustering import kmeans_centres, nearest_neighbours, rank_within_group, sample_rows
from alframe.kit.scoring import require_finite, select_top_k
from alframe.kit.vectors import unit_vectors
from alframe.samplers.uncertainty import margin
from alframe.types import Ints, Need, PoolView, Selection

CLUSTERS = 20  # at least: the middles of two or three clusters of a whole pool are typical of nothing


class Adaptive:
    """k-means of the doubtful images, weighted by doubt; of the clusters with the most doubt, the image in the middle.

    Doubt is 1 - the lead of the likeliest class over the second. How many images count as doubtful goes by what the
    labels so far are seen to miss: the part of the pool that `unseen` gives, and `candidates` for each cluster at
    least. So with many classes and few labels it covers the whole pool, and the more is known the nearer it is to
    margin sampling, without its near-copies. Weighted k-means after Zhdanov 2019, "Diverse mini-batch active learning";
    weights are doubt to the power of `power`. Of more than `rows` doubtful images, so many at random are clustered. On
    embeddings of length 1. Scores are the doubt. Raises BadParams for parameters that cannot be.
    """

    needs = frozenset({Need.FEATURES, Need.LABELS, Need.PROBS})

    def __init__(self, candidates: int = 5, power: float = 3.0, rows: int = 20_000) -> None:
        if min(candidates, rows) < 1 or not 0 <= power < np.inf:
            raise BadParams(
                "sampler 'adaptive' needs candidates and rows of 1 or more, and a power of 0 or more; "
                f"it was given candidates={candidates}, power={power}, rows={rows}."
            )
        self.candidates = candidates
        self.power = power
        self.rows = rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        k = min(k, len(view))
        if k <= 0:
            return Selection(view.keys[:0], np.empty(0, np.float32))
        doubt = margin(view.probs)
        require_finite(doubt, "adaptive", "class probabilities")
        clusters = max(k, CLUSTERS)
        wide = max(self.candidates * clusters, round(unseen(view.labels) * len(view)))
        doubtful = select_top_k(np.arange(len(view)), doubt, wide, rng).keys
        rows = doubtful[sample_rows(len(doubtful), self.rows, k, rng)]
        x = view.lazy_features[rows]
        require_finite(x.sum(axis=1), "adaptive", "embeddings", "images looked at")
        x = unit_vectors(x)
        # A head that doubts nothing leaves plain k-means.
        weights = np.maximum(doubt[rows], np.float32(1e-6)) ** np.float32(self.power)
        squares, cluster = nearest_neighbours(x, kmeans_centres(x, clusters, rng, weights=weights))
        mass = np.bincount(cluster[:, 0], weights)
        inward = np.argsort(squares[:, 0], kind="stable")
        mine = cluster[inward, 0]
        # The second image of a cluster comes only after the first of all clusters.
        order = np.lexsort((-mass[mine], rank_within_group(mine)))
        chosen = rows[inward[order[:k]]]
        return Selection(view.keys[chosen], doubt[chosen])


def unseen(labels: Ints) -> float:
    """The part of the pool whose class is likely to have no label yet, from class numbers (m,).

    Good 1953, "The population frequencies of species and the estimation of population parameters": the part of the
    labels that are the only one of their class.
    """
    return float((np.bincount(labels) == 1).sum() / len(labels)) if len(labels) else 1.0
