"""The sampler `power_bald`: images drawn at random, in proportion to a power of their BALD score."""

from __future__ import annotations

import math

import numpy as np

from alframe.kit.parameters import require_at_least, require_parameter
from alframe.kit.scoring import select_top_k
from alframe.samplers.bald import pool_mutual_information
from alframe.types import Need, PoolView, Selection


class PowerBald:
    """Draw images without replacement, with probabilities proportional to a power of BALD (see `sampler=bald`).

    The score of an image is `power` x log(BALD) + Gumbel noise. The images with the highest scores are selected (the
    Gumbel trick). Kirsch et al. 2021, "Stochastic batch acquisition: a simple baseline for deep active learning".
    """

    needs = frozenset({Need.PROB_SAMPLES})

    def __init__(self, power: float = 1.0, draws: int = 20) -> None:
        require_parameter("sampler 'power_bald'", 0 <= power < math.inf, "a number of at least 0", power=power)
        require_at_least("sampler 'power_bald'", 2, draws=draws)
        self.power, self.draws = power, draws

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        # Rounding leaves some images a little below zero, which has no logarithm: a tiny number puts them last.
        information = np.maximum(pool_mutual_information(view), np.finfo(np.float32).tiny)
        scores = self.power * np.log(information) + rng.gumbel(size=len(information))
        return select_top_k(view.keys, scores.astype(np.float32), k, rng)
