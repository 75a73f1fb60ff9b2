"""Samplers for images with a low activation of the head's hidden layers, alone or among uncertain images.

Munro 2021, "Human-in-the-loop machine learning", section 4.2: the neurons of a network respond little to images that
are unlike its training images.
"""

from __future__ import annotations

import numpy as np

from alframe.kit.parameters import require_at_least
from alframe.kit.scoring import select_top_k
from alframe.samplers.uncertainty import HighestScoreSampler, entropy, least_confidence
from alframe.types import Floats, Need, PoolView, Selection


class OutliersMeanActivation(HighestScoreSampler):
    """Select the images with the lowest mean activation of all hidden neurons of the head.

    The score is the negative mean.
    """

    needs = frozenset({Need.HIDDEN_ACTIVATIONS})

    def score_pool(self, view: PoolView) -> Floats:
        return np.asarray(-view.hidden_activations.mean(axis=1))


class OutliersMaxActivation(HighestScoreSampler):
    """Select the images whose most active hidden neuron has the lowest activation.

    The score is the negative activation of this neuron. The neurons are those of the head.
    """

    needs = frozenset({Need.HIDDEN_ACTIVATIONS})

    def score_pool(self, view: PoolView) -> Floats:
        return np.asarray(-view.hidden_activations.max(axis=1))


class LeastConfidenceThenOutliers:
    """Select from the images with the least confident predictions those with the lowest mean activation.

    The candidates are the images whose highest class probability is smallest. The mean is over all hidden neurons of
    the head. The score is the negative mean.
    """

    needs = frozenset({Need.HIDDEN_ACTIVATIONS, Need.PROBS})
    name, uncertainty = "outliers_least_confidence", staticmethod(least_confidence)

    def __init__(self, factor: int = 4) -> None:
        require_at_least(f"sampler '{self.name}'", 1, factor=factor)
        self.factor = factor

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        scores = -view.hidden_activations.mean(axis=1)
        rows = select_top_k(np.arange(len(view)), self.uncertainty(view.probs), self.factor * k, rng).keys
        return select_top_k(view.keys[rows], scores[rows], k, rng)


class EntropyThenOutliers(LeastConfidenceThenOutliers):
    """Select from the images with the highest entropy those with the lowest mean activation.

    The mean is over all hidden neurons of the head. The score is the negative mean.
    """

    name, uncertainty = "outliers_entropy", staticmethod(entropy)
