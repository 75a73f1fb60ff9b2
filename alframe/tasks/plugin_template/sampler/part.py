"""The least certain images, mixed by chance with any others."""

from __future__ import annotations

import numpy as np

from alframe.errors import BadParams
from alframe.kit.scoring import require_finite, select_top_k
from alframe.types import Need, PoolView, Selection


class MyPart:
    """Ask for the least certain images with probability `p`, and for any others else.

    The uncertain images teach the model most; the others keep it honest about what it has never seen.
    """

    needs = frozenset({Need.PROBS})

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise BadParams(f"sampler.p={p}: a probability must lie between 0 and 1.")
        self.p = p

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """Select the uncertain ones first. Raises UnmetNeed for probabilities that are not finite."""
        require_finite(view.probs.sum(axis=1), "mypart", "probabilities")
        k = min(k, len(view))
        uncertain = rng.binomial(k, self.p)
        ranking = select_top_k(view.keys, 1 - view.probs.max(axis=1), len(view), rng).keys
        others = rng.choice(ranking[uncertain:], k - uncertain, replace=False)
        return Selection(np.concatenate([ranking[:uncertain], others]))
