"""BALD as chances: a batch drawn at random in proportion to it, so that it is not all of one kind."""

from __future__ import annotations

import math

import numpy as np

from alframe.errors import BadParams
from alframe.kit.scoring import select_top_k
from alframe.samplers.bald import enough, information
from alframe.types import Need, PoolView, Selection


class PowerBald:
    """A draw without replacement, in proportion to BALD to the `power` (0: all alike; large: BALD itself).

    Kirsch et al. 2021, "Stochastic batch acquisition: a simple baseline for deep active learning", with its Gumbel
    trick: the k highest of power x log score + Gumbel noise, which are the scores given. Raises BadParams for a
    negative power or fewer than two draws.
    """

    needs = frozenset({Need.PROB_SAMPLES})

    def __init__(self, power: float = 1.0, draws: int = 20) -> None:
        if not 0 <= power < math.inf:
            raise BadParams(f"sampler 'power_bald' needs a power of 0 or more; it was given power={power}.")
        self.power = power
        self.draws = enough(draws, "power_bald")

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        # Rounding leaves some images a little below zero, which has no logarithm: the least there is puts them last.
        informed = np.maximum(information(view, "power_bald"), np.finfo(np.float32).tiny)
        scores = self.power * np.log(informed) + rng.gumbel(size=len(informed))
        return select_top_k(view.keys, scores.astype(np.float32), k, rng)
