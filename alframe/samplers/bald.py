"""The sampler `bald`: images on which the draws of a stochastic head disagree, although each draw is sure."""

from __future__ import annotations

import numpy as np

from alframe.kit.parameters import require_at_least
from alframe.kit.scoring import score_prob_samples, scored_in_chunks, shannon_entropy
from alframe.samplers.uncertainty import HighestScoreSampler
from alframe.types import Floats, Need, PoolView


class Bald(HighestScoreSampler):
    """Select the images with the highest mutual information between the prediction and the weights of the head.

    The mutual information is the entropy of the mean of the draws minus the mean of their entropies. A draw is one
    random sample of the class probabilities. The score is the mutual information in nats. Houlsby et al. 2011,
    "Bayesian active learning for classification and preference learning"; Gal, Islam and Ghahramani 2017.
    """

    needs = frozenset({Need.PROB_SAMPLES})

    def __init__(self, draws: int = 20) -> None:
        require_at_least("sampler 'bald'", 2, draws=draws)
        self.draws = draws

    def score_pool(self, view: PoolView) -> Floats:
        return pool_mutual_information(view)


def pool_mutual_information(view: PoolView) -> Floats:
    """Return the mutual information of each image of the pool in nats (n,)."""
    return score_prob_samples(view.lazy_prob_samples, mutual_information)


@scored_in_chunks
def mutual_information(samples: Floats) -> Floats:
    """Return the mutual information of label and draw in nats (n,), of `samples` (T, n, C)."""
    mean = samples.mean(axis=0, dtype=np.float64)
    return np.asarray(shannon_entropy(mean) - shannon_entropy(samples).mean(axis=0), np.float32)
