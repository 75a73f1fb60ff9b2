"""The images whose class draws of a stochastic head vote on with the smallest majority."""

from __future__ import annotations

import numpy as np

from alframe.kit.scoring import require_finite, score_in_chunks, score_prob_samples, select_top_k
from alframe.samplers.bald import enough
from alframe.types import Floats, Need, PoolView, Selection


class VariationRatios:
    """The part of the draws that is not for the class which most are for; score in 0..1 - 1/C.

    Freeman 1965, "Elementary applied statistics"; for draws of a head, Gal, Islam and Ghahramani 2017. `draws` tells
    the engine how many samples of the probabilities to make: scores come in steps of 1 / draws, so ties are common, and
    are broken at random. Raises BadParams for fewer than two draws.
    """

    needs = frozenset({Need.PROB_SAMPLES})

    def __init__(self, draws: int = 20) -> None:
        self.draws = enough(draws, "variation_ratios")

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        # A vote for NaN would look like any other: one in the row makes the score one too.
        scores = score_prob_samples(view.lazy_prob_samples, lambda part: dissent(part) + 0 * part.sum(axis=(0, 2)))
        require_finite(scores, "variation_ratios", "class probabilities")
        return select_top_k(view.keys, scores, k, rng)


@score_in_chunks
def dissent(samples: Floats) -> Floats:
    """(n,) the part of the draws `samples` (T, n, C) whose likeliest class is not the one most draws have."""
    draws, n, classes = samples.shape
    votes = samples.argmax(axis=2) + classes * np.arange(n)
    counts = np.bincount(votes.ravel(), minlength=n * classes).reshape(n, classes)
    return np.asarray(1 - counts.max(axis=1) / draws, np.float32)
