"""Outliers as seen from the cluster next to them."""

from __future__ import annotations

import warnings

import numpy as np

from alframe.errors import BadParams, UnmetNeed
from alframe.kit.clustering import sample_rows
from alframe.kit.scoring import select_top_k
from alframe.samplers.hdbscan_clusters import By, needs_of, space
from alframe.types import Floats, PoolView, Selection

JITTER = 1e-3  # of the spread: copies would be infinitely dense, and an outlier is measured by the densest next to it


class Glosh:
    """The highest GLOSH score, in 0..1: how much thinner than in the densest part of the next cluster it is around it.

    Campello, Moulavi, Zimek and Sander 2015, "Hierarchical density estimates for data clustering, visualization, and
    outlier detection", by the package hdbscan (scikit-learn's HDBSCAN gives no such score). `by` says by what: the
    head's "logits", or the "features" (their 32 principal components). Clusters have `smallest` images or more, a
    quarter of the pool at most. Of a pool of more than `rows` images, so many at random are looked at. Raises BadParams
    for parameters out of range, and UnmetNeed where hdbscan is not installed.
    """

    def __init__(self, by: By = "logits", smallest: int = 100, neighbours: int = 5, rows: int = 20_000) -> None:
        if min(smallest, rows) < 2 or neighbours < 1:
            raise BadParams(
                "sampler 'glosh' needs smallest and rows of 2 or more, and neighbours of 1 or more; it was given "
                f"smallest={smallest}, neighbours={neighbours}, rows={rows}."
            )
        self.needs = needs_of("glosh", by)
        self.by: By = by
        self.smallest = smallest
        self.neighbours = neighbours
        self.rows = rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        rows = sample_rows(len(view), self.rows, max(k, 0), rng)
        x = space(view, self.by, rows, "glosh", rng)
        return select_top_k(view.keys[rows], self._scores(x, rng), k, rng)

    def _scores(self, x: Floats, rng: np.random.Generator) -> Floats:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)  # in its source
                from hdbscan import HDBSCAN
        except ImportError as error:
            raise UnmetNeed(
                f"sampler=glosh needs the package hdbscan ({error}): pip install 'alframe[hdbscan]'. "
                "Nothing is lost: the same command goes on from here."
            ) from None
        if len(x) <= self.neighbours + 1:  # too few to have a density
            return np.zeros(len(x), np.float32)
        spread = float(x.std(axis=0).mean()) or 1.0
        near = x.astype(np.float64) + rng.normal(scale=JITTER * spread, size=x.shape)
        size = max(2, min(self.smallest, len(x) // 4))
        model = HDBSCAN(min_cluster_size=size, min_samples=self.neighbours, core_dist_n_jobs=1).fit(near)
        return np.asarray(model.outlier_scores_, np.float32)
