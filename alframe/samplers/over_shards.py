"""Samplers that read one shard of the pool at a time, on the campaign's compute. The choice stays the same."""

from __future__ import annotations

from functools import cached_property, partial

import numpy as np

from alframe.contracts import Compute, ScoresPool
from alframe.errors import BadParams
from alframe.kit.chunks import row_slices
from alframe.kit.composite import build_part
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.kit.scoring import select_top_k
from alframe.samplers.kcenter import KCenter
from alframe.samplers.shard_centres import MapShards, choose_centres_over_shards, map_in_this_process
from alframe.samplers.shard_scores import score_shards
from alframe.types import Need, PoolView, Selection

CHUNK_ROWS = 8192  # rows that are predicted together, as by `row_slices`: shards of whole ones give the same bits


class OverShards:
    """Let the part `compute` run another sampler on one shard (a part of the pool) after the other.

    The selected images are the same as without shards. The memory for the pool is 4 bytes for each image (8 for
    kcenter). In addition, each worker needs memory for the probabilities of one shard.
    """

    def __init__(self, sampler: str = "margin", shard_rows: int = 65536, offers: int = 256) -> None:
        part = "sampler 'over_shards'"
        is_whole = shard_rows > 0 and shard_rows % CHUNK_ROWS == 0
        require_parameter(part, is_whole, f"a multiple of {CHUNK_ROWS}", shard_rows=shard_rows)
        require_at_least(part, 1, offers=offers)
        self.sampler, self.shard_rows, self.offers = sampler, shard_rows, offers
        self._compute: Compute | None = None

    def use_compute(self, compute: Compute) -> None:
        """Set the compute for the shards. Without it, this process does the work."""
        self._compute = compute

    @cached_property
    def member(self) -> KCenter | ScoresPool:
        """The sampler that chooses. Raises BadParams if it cannot choose shard by shard."""
        member = build_part("sampler", {"name": self.sampler})
        if isinstance(member, KCenter) or (isinstance(member, ScoresPool) and member.needs == {Need.PROBS}):
            return member
        raise BadParams(
            f"sampler.sampler={self.sampler}: it cannot choose shard by shard. Give kcenter, or a sampler that ranks "
            f"images by their probabilities: margin, entropy, least_confidence or ratio."
        )

    @property
    def needs(self) -> frozenset[Need]:
        """Embeddings, and the head instead of its probabilities."""
        return self.member.needs if isinstance(self.member, KCenter) else frozenset({Need.FEATURES, Need.PREDICT})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        rows = row_slices(len(view), self.shard_rows)
        shards = [view.lazy_features.part(shard) for shard in rows]
        map_shards: MapShards = map_in_this_process if self._compute is None else self._compute.map_shards
        if isinstance(self.member, KCenter):
            labelled = np.asarray(view.labelled_features, np.float32)
            chosen, squared = choose_centres_over_shards(map_shards, shards, labelled, k, self.offers)
            return Selection(view.keys[chosen], np.sqrt(squared, dtype=np.float32))
        best = list(map_shards(partial(score_shards, self.member, view.predict, k + 1), shards))
        scores = np.concatenate([found.scores for found in best])
        positions = np.concatenate([found.rows + shard.start for found, shard in zip(best, rows, strict=True)])
        order = np.argsort(-scores, kind="stable")[: k + 1]
        if (np.diff(scores[order]) < 0).all():
            return Selection(view.keys[positions[order[:k]]], scores[order[:k]])
        # Equal scores are ordered at random, by a draw over the whole pool: all scores are needed.
        all_shards = map_shards(partial(score_shards, self.member, view.predict, None), shards)
        return select_top_k(view.keys, np.concatenate([found.scores for found in all_shards]), k, rng)
