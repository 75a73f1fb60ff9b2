"""The images on which draws of a stochastic head disagree, each being sure of itself."""

from __future__ import annotations

import numpy as np

from alframe.errors import BadParams
from alframe.kit.scoring import require_finite, score_in_chunks, score_prob_samples, select_top_k, shannon_entropy
from alframe.types import Floats, Need, PoolView, Selection


class Bald:
    """Mutual information of prediction and weights: the entropy of the mean less the mean of the entropies, in nats.

    Houlsby et al. 2011, "Bayesian active learning for classification and preference learning"; Gal, Islam and
    Ghahramani 2017. `draws` tells the engine how many samples of the probabilities to make.
    """

    needs = frozenset({Need.PROB_SAMPLES})

    def __init__(self, draws: int = 20) -> None:
        self.draws = enough(draws, "bald")

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        return select_top_k(view.keys, information(view, "bald"), k, rng)


def enough(draws: int, sampler: str) -> int:
    """`draws`; BadParams naming the sampler if they are fewer than two, which could not disagree."""
    if draws < 2:
        raise BadParams(f"sampler '{sampler}' compares draws and needs at least 2 of them; it was given draws={draws}.")
    return draws


def information(view: PoolView, sampler: str) -> Floats:
    """(n,) mutual information of each image of the pool, in nats; UnmetNeed where it is not a finite number."""
    scores = score_prob_samples(view.lazy_prob_samples, mutual_information)
    require_finite(scores, sampler, "class probabilities")
    return scores


@score_in_chunks
def mutual_information(samples: Floats) -> Floats:
    """(n,) nats, from `samples` (T, n, C)."""
    mean = samples.mean(axis=0, dtype=np.float64)
    spread: Floats = (shannon_entropy(mean) - shannon_entropy(samples).mean(axis=0)).astype(np.float32)
    return spread
