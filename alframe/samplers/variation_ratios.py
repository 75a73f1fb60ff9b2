"""The sampler `variation_ratios`: images on which the most draws differ from the most frequent class."""

from __future__ import annotations

import numpy as np

from alframe.kit.parameters import require_at_least
from alframe.kit.scoring import score_prob_samples, scored_in_chunks
from alframe.samplers.uncertainty import HighestScoreSampler
from alframe.types import Floats, Need, PoolView


class VariationRatios(HighestScoreSampler):
    """Select the images with the highest share of draws that do not vote for the most frequent class.

    A draw is one random sample of the class probabilities. It votes for its most probable class. The score is the
    share, from 0 to 1 - 1 / C for C classes. It is a multiple of 1 / `draws`, so many images have the same score. They
    come in random order. Freeman 1965, "Elementary applied statistics"; for draws of a head, Gal, Islam and Ghahramani
    2017.
    """

    needs = frozenset({Need.PROB_SAMPLES})

    def __init__(self, draws: int = 20) -> None:
        require_at_least("sampler 'variation_ratios'", 2, draws=draws)
        self.draws = draws

    def score_pool(self, view: PoolView) -> Floats:
        # A vote of NaN would look like any other: a NaN in the row makes the score NaN, too.
        return score_prob_samples(
            view.lazy_prob_samples, lambda samples: variation_ratio(samples) + 0 * samples.sum(axis=(0, 2))
        )


@scored_in_chunks
def variation_ratio(samples: Floats) -> Floats:
    """Return the fraction (n,) of the draws `samples` (T, n, C) whose likeliest class is not the most frequent one."""
    draws, n, classes = samples.shape
    votes = samples.argmax(axis=2) + classes * np.arange(n)
    counts = np.bincount(votes.ravel(), minlength=n * classes).reshape(n, classes)
    return np.asarray(1 - counts.max(axis=1) / draws, np.float32)
