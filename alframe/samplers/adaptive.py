"""The sampler `adaptive`: clusters of the whole pool while classes are missing, and later of uncertain images."""

from __future__ import annotations

import numpy as np

from alframe.kit.clustering import cumulative_count, kmeans_centres, nearest_neighbours, sample_rows, unit_vectors
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.kit.scoring import select_top_k
from alframe.samplers.objectives import objective_weights, require_known_objective
from alframe.samplers.uncertainty import margin_uncertainty
from alframe.types import Ints, Need, PoolView, Selection

MIN_CLUSTERS = 20  # the middles of two or three clusters of a whole pool are typical of nothing


class Adaptive:
    """Cluster the most uncertain images, and select the image in the middle of each of the most uncertain clusters.

    The clusters are made by weighted k-means on embeddings of length 1 (Zhdanov 2019, "Diverse mini-batch active
    learning"). The uncertainty of an image is 1 - margin, times the weight of the image for the `objective`. The margin
    is the difference between its two highest class probabilities. The uncertainty is the score.

    The labels decide how many images are clustered: the share of labels that are the only label of their class. This
    share is an estimate of the share of the pool whose class has no label yet (Good-Turing). But there are at least
    `candidates` images for each cluster. With many classes and few labels, the sampler therefore chooses from the whole
    pool. With more labels, it becomes margin sampling without near-duplicates.
    """

    needs = frozenset({Need.FEATURES, Need.LABELS, Need.PROBS})

    def __init__(
        self, candidates: int = 5, power: float = 3.0, rows: int = 20_000, objective: str = "accuracy"
    ) -> None:
        require_at_least("sampler 'adaptive'", 1, candidates=candidates, rows=rows)
        require_parameter("sampler 'adaptive'", 0 <= power < np.inf, "a number of at least 0", power=power)
        require_known_objective("sampler 'adaptive'", objective)
        self.candidates, self.power, self.rows, self.objective = candidates, power, rows, objective

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        doubt, counts = margin_uncertainty(view.probs), objective_weights(self.objective, view.probs)
        uncertainty = doubt * counts
        clusters = max(k, MIN_CLUSTERS)
        count = max(self.candidates * clusters, round(estimate_unseen_fraction(view.labels) * len(view)))
        uncertain = select_top_k(np.arange(len(view)), uncertainty, count, rng).keys
        rows = uncertain[sample_rows(len(uncertain), self.rows, k, rng)]
        x = unit_vectors(view.lazy_features[rows])
        # A head that is sure of everything leaves plain k-means.
        weights = np.maximum(doubt[rows], np.float32(1e-6)) ** np.float32(self.power) * counts[rows]
        distances, cluster = nearest_neighbours(x, kmeans_centres(x, clusters, rng, weights=weights))
        cluster_weights = np.bincount(cluster[:, 0], weights)
        by_distance = np.argsort(distances[:, 0], kind="stable")
        cluster_of = cluster[by_distance, 0]
        # The second image of a cluster comes only after the first of all clusters.
        order = np.lexsort((-cluster_weights[cluster_of], cumulative_count(cluster_of)))
        chosen = rows[by_distance[order[:k]]]
        chosen = chosen[np.argsort(-uncertainty[chosen], kind="stable")]
        return Selection(view.keys[chosen], uncertainty[chosen].astype(np.float32))


def estimate_unseen_fraction(labels: Ints) -> float:
    """Return the estimated fraction of the pool whose class has no label yet, from class indices (m,).

    The Good-Turing estimate: the fraction of the labels that are the only one of their class. Good 1953, "The
    population frequencies of species and the estimation of population parameters".
    """
    return float((np.bincount(labels) == 1).sum() / len(labels)) if len(labels) else 1.0
