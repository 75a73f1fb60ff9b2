"""A sampler of outliers, each compared with the nearest cluster."""

from __future__ import annotations

import warnings

import numpy as np

from alframe.kit.clustering import sample_rows
from alframe.kit.parameters import require_at_least
from alframe.kit.scoring import select_top_k
from alframe.types import Floats, PoolView, Selection
from alframe_hdbscan.space import Space, coordinates, needs_for

# Noise that is added, as a share of the mean standard deviation. Without it, copies would have an infinite density.
JITTER = 1e-3


class Glosh:
    """Select the highest GLOSH scores, 0..1: the density around the image is much lower than in the nearest cluster.

    Campello, Moulavi, Zimek and Sander 2015, "Hierarchical density estimates for data clustering, visualization, and
    outlier detection". The package hdbscan computes the scores (scikit-learn does not).

    `by`: the numbers that are used: the head's "logits", or the "features" (their 32 principal components).
    `smallest`: the smallest number of images in a cluster, at least 2; at most a quarter of the pool is used.
    `neighbours`: the number of nearest images whose distances give the density around an image.
    `rows`: the largest number of images to look at; of a larger pool, a random sample is used.
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
