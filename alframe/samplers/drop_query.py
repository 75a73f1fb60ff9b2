"""The sampler `drop_query`: images whose predicted class changes when most of the embedding is dropped."""

from __future__ import annotations

import numpy as np

from alframe.kit.chunks import row_slices
from alframe.kit.clustering import cumulative_count, kmeans_centres, nearest_neighbours, sample_rows
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.kit.progress import track
from alframe.kit.scoring import select_top_k
from alframe.types import Floats, Ints, LazyFeatures, Need, PoolView, Predict, Selection


class DropQuery:
    """Select images whose predicted class changes when parts of the embedding are dropped, from different clusters.

    Each image is predicted several times. Each time, each number of the embedding is set to 0 with the probability
    `dropout`, and the others are scaled up. If the predicted class changes in more than half of these predictions, the
    image is a candidate. The candidates are clustered by k-means, and the image nearest to each centre is selected. If
    there are fewer candidates than images in the batch, the images with the most changes are selected. The score is the
    share of the predictions with a change. Gupte et al. 2024, "Revisiting active learning in the era of vision
    foundation models".
    """

    needs = frozenset({Need.FEATURES, Need.PREDICT})

    def __init__(self, passes: int = 3, dropout: float = 0.75, rows: int = 20_000) -> None:
        require_at_least("sampler 'drop_query'", 1, passes=passes, rows=rows)
        require_parameter("sampler 'drop_query'", 0 < dropout < 1, "between 0 and 1", dropout=dropout)
        self.passes, self.dropout, self.rows = passes, dropout, rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        changes = count_class_changes(view.lazy_features, view.predict, self.passes, self.dropout, rng)
        candidates = np.flatnonzero(2 * changes > self.passes)
        if len(candidates) < k:
            candidates = select_top_k(np.arange(len(view)), changes.astype(np.float32), k, rng).keys
        rows = candidates[sample_rows(len(candidates), self.rows, k, rng)]
        x = view.lazy_features[rows]
        distances, cluster = nearest_neighbours(x, kmeans_centres(x, k, rng))
        order = np.argsort(distances[:, 0], kind="stable")
        # The nearest of each cluster; then, for clusters that stayed empty, the second of each.
        order = order[np.argsort(cumulative_count(cluster[order, 0]), kind="stable")]
        chosen = rows[order[:k]]
        chosen = chosen[np.argsort(-changes[chosen], kind="stable")]
        return Selection(view.keys[chosen], (changes[chosen] / self.passes).astype(np.float32))


def count_class_changes(
    x: Floats | LazyFeatures, predict: Predict, passes: int, dropout: float, rng: np.random.Generator
) -> Ints:
    """Return in how many of the `passes` (n,) dropout changes the likeliest class of each row of `x` (n, D)."""
    counts = np.zeros(len(x), np.int64)
    for rows in track(row_slices(len(x)), "Dropping", unit="chunk"):
        block = np.asarray(x[rows], np.float32)
        class_without_dropout = predict(block).argmax(axis=1)
        for _ in range(passes):
            kept = rng.random(block.shape, np.float32) >= dropout
            dropped = block * kept / np.float32(1 - dropout)
            counts[rows] += predict(dropped).argmax(axis=1) != class_without_dropout
    return counts
