"""Equal numbers from each cluster, and some images that belong to none."""

from __future__ import annotations

from typing import Literal

import numpy as np

from alframe.errors import BadParams
from alframe.kit.clustering import rank_within_group, sample_rows
from alframe.kit.scoring import require_finite
from alframe.types import Floats, Ints, Need, PoolView, Selection

By = Literal["logits", "features"]
WIDTH = 32  # principal components of embeddings: distances mean little beyond, and the search slows down
FEWEST = 5  # images in a cluster, however small the pool
LEAST = 1e-6  # probability below which logits do not tell images apart


class Clusters:
    """HDBSCAN: `outliers` of the batch from what is noise, the rest in equal parts from all clusters, at random within.

    Campello, Moulavi and Sander 2013, "Density-based clustering based on hierarchical density estimates". `by` says by
    what: the head's "logits", or the "features" (their 32 principal components). A cluster has `smallest` images or
    more; where there is none, so many are halved, down to 5. Without any, and where the noise does not suffice, images
    are drawn at random. Of a pool of more than `rows` images, so many at random are looked at. Raises BadParams for
    parameters out of range.
    """

    def __init__(
        self, by: By = "logits", smallest: int = 100, neighbours: int = 5, outliers: float = 0.2, rows: int = 20_000
    ) -> None:
        if min(smallest, rows) < 2 or neighbours < 1 or not 0 <= outliers <= 1:
            raise BadParams(
                "sampler 'clusters' needs smallest and rows of 2 or more, neighbours of 1 or more, 0 <= outliers <= 1; "
                f"it was given smallest={smallest}, neighbours={neighbours}, outliers={outliers}, rows={rows}."
            )
        self.needs = needs_of("clusters", by)
        self.by: By = by
        self.smallest = smallest
        self.neighbours = neighbours
        self.outliers = outliers
        self.rows = rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        k = max(0, min(k, len(view)))
        rows = sample_rows(len(view), self.rows, k, rng)
        cluster = self._clusters(space(view, self.by, rows, "clusters", rng))
        noise = np.flatnonzero(cluster < 0)[: round(self.outliers * k)]
        inside = np.flatnonzero(cluster >= 0)
        # Clusters in random order: with more of them than places, the first must not always win.
        number = rng.permutation(cluster.max(initial=0) + 1)[cluster[inside]]
        inside = inside[np.lexsort((number, rank_within_group(number)))][: k - len(noise)]
        chosen = np.concatenate([inside, noise])
        rest = np.setdiff1d(np.arange(len(rows)), chosen)  # in the random order of the rows
        return Selection(view.keys[rows[np.concatenate([chosen, rest])[:k]]])

    def _clusters(self, x: Floats) -> Ints:
        """(n,) number of each row's cluster; -1 for noise."""
        from sklearn.cluster import HDBSCAN

        size = min(self.smallest, len(x) // 2)
        while size >= min(self.smallest, FEWEST):
            model = HDBSCAN(min_cluster_size=size, min_samples=min(self.neighbours, len(x)), copy=True)
            found: Ints = model.fit_predict(x).astype(np.int64)
            if found.max() >= 0:
                return found
            size //= 2
        return np.full(len(x), -1)


def needs_of(sampler: str, by: str) -> frozenset[Need]:
    """What `by` takes. Raises BadParams, naming the sampler, for another word."""
    try:
        return frozenset({{"logits": Need.PROBS, "features": Need.FEATURES}[by]})
    except KeyError:
        raise BadParams(f"sampler '{sampler}' goes by=logits or by=features, and not by={by}.") from None


def space(view: PoolView, by: By, rows: Ints, sampler: str, rng: np.random.Generator) -> Floats:
    """(r, d) coordinates of these rows: centred logits of all classes, or principal components of the embeddings."""
    if by == "logits":
        probs = view.probs[rows]
        require_finite(probs.sum(axis=1), sampler, "class probabilities", "images looked at")
        logits = np.log(np.maximum(probs, LEAST))
        return np.asarray(logits - logits.mean(axis=1, keepdims=True), np.float32)
    x = view.lazy_features[rows]
    require_finite(x.sum(axis=1), sampler, "embeddings", "images looked at")
    if min(x.shape) <= WIDTH:
        return np.asarray(x, np.float32)
    from sklearn.decomposition import PCA

    reduce = PCA(WIDTH, svd_solver="randomized", random_state=int(rng.integers(2**31)))
    return np.asarray(reduce.fit_transform(x), np.float32)
