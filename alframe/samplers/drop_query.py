"""Images on which the head changes its mind when most of their embedding is dropped, spread over clusters."""

from __future__ import annotations

import numpy as np

from alframe.chunks import chunks
from alframe.errors import BadParams
from alframe.kit.clustering import kmeans_centres, nearest_neighbours, rank_within_group, sample_rows
from alframe.kit.scoring import require_finite, select_top_k
from alframe.progress import track
from alframe.samplers.distance_bounds import row_sums
from alframe.types import Floats, Ints, LazyFeatures, Need, PoolView, Predict, Selection


class DropQuery:
    """Of the images whose class changes in more than half of the `passes`, in k clusters, the nearest to each centre.

    Gupte et al. 2024, "Revisiting active learning in the era of vision foundation models": in each pass, each number of
    the embedding is set to 0 with the probability `dropout`, and the others are scaled up to the same sum. Where fewer
    than k change, those with the most changes join. Of more than `rows`, so many at random are clustered. Scores are
    the part of the passes. Raises BadParams for parameters that cannot be.
    """

    needs = frozenset({Need.FEATURES, Need.PREDICT})

    def __init__(self, passes: int = 3, dropout: float = 0.75, rows: int = 20_000) -> None:
        if min(passes, rows) < 1 or not 0 < dropout < 1:
            raise BadParams(
                "sampler 'drop_query' needs passes and rows of 1 or more and a dropout between 0 and 1; "
                f"it was given passes={passes}, dropout={dropout}, rows={rows}."
            )
        self.passes = passes
        self.dropout = dropout
        self.rows = rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        k = min(k, len(view))
        if k <= 0:
            return Selection(view.keys[:0])
        require_finite(row_sums(view.lazy_features), "drop_query", "embeddings")
        flips = changes(view.lazy_features, view.predict, self.passes, self.dropout, rng)
        candidates = np.flatnonzero(2 * flips > self.passes)
        if len(candidates) < k:
            candidates = select_top_k(np.arange(len(view)), flips.astype(np.float32), k, rng).keys
        rows = candidates[sample_rows(len(candidates), self.rows, k, rng)]
        x = view.lazy_features[rows]
        squares, cluster = nearest_neighbours(x, kmeans_centres(x, k, rng))
        order = np.argsort(squares[:, 0], kind="stable")
        # The nearest of each cluster; then, for clusters that stayed empty, the second of each.
        order = order[np.argsort(rank_within_group(cluster[order, 0]), kind="stable")]
        chosen = rows[order[:k]]
        chosen = chosen[np.argsort(-flips[chosen], kind="stable")]
        return Selection(view.keys[chosen], (flips[chosen] / self.passes).astype(np.float32))


def changes(x: Floats | LazyFeatures, predict: Predict, passes: int, dropout: float, rng: np.random.Generator) -> Ints:
    """(n,) in how many passes the likeliest class is not that of the whole row of `x` (n, D); it may be in a file."""
    counts = np.zeros(len(x), np.int64)
    for rows in track(chunks(len(x)), "Dropping", unit="chunk"):
        part = np.asarray(x[rows], np.float32)
        whole = predict(part).argmax(axis=1)
        for _ in range(passes):
            kept = rng.random(part.shape, np.float32) >= dropout
            counts[rows] += predict(part * kept / np.float32(1 - dropout)).argmax(axis=1) != whole
    return counts
