"""The scores of shards of the pool, and the highest scores of each shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from alframe.contracts import ScoresPool
from alframe.kit.chunks import row_slices
from alframe.kit.scoring import require_finite
from alframe.types import Floats, Ints, LazyFeatures, Need, PoolView
from alframe.types.pool_view import Predict


@dataclass(frozen=True, slots=True)
class ShardScores:
    """The numbers (r,) of rows of a shard, and their scores (r,), float32."""

    rows: Ints
    scores: Floats


def score_shards(
    sampler: ScoresPool, predict: Predict, limit: int | None, shards: Sequence[LazyFeatures]
) -> Iterator[ShardScores]:
    """Yield the `limit` highest scores of each shard, in any order; with None, the scores of all its rows, in order.

    `predict` is the fitted head. Raises UnmetNeed for scores that are not finite.
    """
    for x in shards:
        probs = np.concatenate([predict(np.asarray(x[rows], np.float32)) for rows in row_slices(len(x))])
        scores = sampler.score_pool(PoolView(np.arange(len(x)), {Need.PROBS: probs}))
        require_finite(scores, "scores")
        rows = np.arange(len(x))
        if limit is not None and limit < len(rows):
            rows = np.argpartition(-scores, limit)[:limit]
        yield ShardScores(rows, scores[rows].astype(np.float32))
