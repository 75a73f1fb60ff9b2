"""Outliers as seen from the cluster next to them."""

from __future__ import annotations

import warnings

import numpy as np

from alframe.kit.clustering import sample_rows
from alframe.kit.parameters import require_at_least
from alframe.kit.scoring import select_top_k
from alframe.types import Floats, PoolView, Selection
from alframe_hdbscan.space import Space, coordinates, needs_for

# Noise, as a part of the mean standard deviation: copies would be infinitely dense, and an outlier is measured by the
# densest images next to it.
JITTER = 1e-3


class Glosh:
    """Select the highest GLOSH scores, 0..1: how much thinner it is around an image than in the cluster next to it.

    Campello, Moulavi, Zimek and Sander 2015, "Hierarchical density estimates for data clustering, visualization, and
    outlier detection", by the package hdbscan (scikit-learn's has no such score).

    `by`: the space that is clustered: the head's "logits", or the "features" (their 32 principal components).
    `smallest`: images in a cluster, at least, but no more than a quarter of the pool.
    `neighbours`: neighbours that decide on the density around an image.
    `rows`: images looked at, at most: a random sample of a larger pool.
    """

    def __init__(self, by: Space = "logits", smallest: int = 100, neighbours: int = 5, rows: int = 20_000) -> None:
        require_at_least("sampler 'glosh'", 2, smallest=smallest, rows=rows)
        require_at_least("sampler 'glosh'", 1, neighbours=neighbours)
        self.needs = needs_for("glosh", by)
        self.by, self.smallest, self.neighbours, self.rows = by, smallest, neighbours, rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """Select as the Sampler contract says."""
        rows = sample_rows(len(view), self.rows, k, rng)
        x = coordinates(view, self.by, rows, rng)
        return select_top_k(view.keys[rows], self._outlier_scores(x, rng), k, rng)

    def _outlier_scores(self, x: Floats, rng: np.random.Generator) -> Floats:
        """Return the GLOSH scores (r,) of the rows of `x` (r, d)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # in its source
            from hdbscan import HDBSCAN

        if len(x) <= self.neighbours + 1:  # too few to have a density
            return np.zeros(len(x), np.float32)
        deviation = float(x.std(axis=0).mean()) or 1.0
        jittered = x.astype(np.float64) + rng.normal(scale=JITTER * deviation, size=x.shape)
        size = max(2, min(self.smallest, len(x) // 4))
        model = HDBSCAN(min_cluster_size=size, min_samples=self.neighbours, core_dist_n_jobs=1).fit(jittered)
        return np.asarray(model.outlier_scores_, np.float32)
