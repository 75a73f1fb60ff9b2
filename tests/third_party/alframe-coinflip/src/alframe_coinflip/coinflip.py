"""The least certain images, mixed by chance with any others."""

from __future__ import annotations

import numpy as np

from alframe.errors import BadParams, UnmetNeed
from alframe.types import Need, PoolView, Selection


class Coinflip:
    """For each image asked for, the least certain one with probability `p`, else any one."""

    needs = frozenset({Need.PROBS})

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise BadParams(f"sampler.p={p}: a probability lies between 0 and 1.")
        self.p = p

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """The uncertain ones come first. Raises UnmetNeed if probabilities are not numbers."""
        confidence = view.probs.max(axis=1)
        if not np.isfinite(confidence).all():
            raise UnmetNeed("sampler=coinflip cannot rank: there are probabilities that are not numbers.")
        k = min(k, len(view))
        heads = rng.binomial(k, self.p)
        # Ties are broken at random: in the pool's order, the first burst of a folder would win them all.
        ranking = np.lexsort((rng.random(len(view)), confidence))
        others = rng.choice(ranking[heads:], k - heads, replace=False)
        return Selection(view.keys[np.concatenate([ranking[:heads], others])])
