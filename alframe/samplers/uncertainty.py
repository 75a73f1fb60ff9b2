"""Samplers for uncertain images (Settles 2009, "Active learning literature survey", section 3.1).

Each sampler has two forms: with the head's own probabilities, and (`_mc`) with the mean of its draws, as in Gal, Islam
and Ghahramani 2017, "Deep Bayesian active learning with image data". If the draws disagree on an image, their mean is
uncertain, even if the head's own probabilities are not.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from alframe.contracts import ScoresPool
from alframe.kit.parameters import require_at_least
from alframe.kit.scoring import score_prob_samples, scored_in_chunks, select_top_k, shannon_entropy
from alframe.types import Floats, Need, PoolView, Selection


@scored_in_chunks
def margin_uncertainty(probs: Floats) -> Floats:
    """Return 1 - (highest probability - second highest probability), 0..1 (n,), of `probs` (n, C)."""
    first, second = _two_largest(probs)
    return np.asarray(1 - (first - second))


@scored_in_chunks
def ratio_uncertainty(probs: Floats) -> Floats:
    """Return the second highest probability divided by the highest, 0..1 (n,), of `probs` (n, C)."""
    first, second = _two_largest(probs)
    return np.asarray(second / first)


entropy = scored_in_chunks(shannon_entropy)


@scored_in_chunks
def least_confidence(probs: Floats) -> Floats:
    """Return 1 - the highest probability, 0..1 (n,), of `probs` (n, C)."""
    return np.asarray(1 - np.ascontiguousarray(probs.T).max(axis=0))  # class by class, as below


def _two_largest(probs: Floats) -> tuple[Floats, Floats]:
    """Return the largest (n,) and the second largest (n,) probability of each row; the latter is 0 for one class."""
    # Class by class over many rows, which is several times faster than sorting each row.
    first = np.array(probs[:, 0])
    second = np.zeros_like(first)
    for column in np.ascontiguousarray(probs.T)[1:]:
        np.maximum(second, np.minimum(first, column), out=second)
        np.maximum(first, column, out=first)
    return first, second


class HighestScoreSampler:
    """Select the images with the highest scores of `score_pool`. Equal scores come in random order."""

    def select(self: ScoresPool, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        return select_top_k(view.keys, self.score_pool(view), k, rng)


class _UncertaintySampler(HighestScoreSampler):
    """Select the highest `score` of the head's probabilities; `name` is the registry name."""

    name: ClassVar[str]
    score: ClassVar[staticmethod[[Floats], Floats]]
    needs = frozenset({Need.PROBS})

    def score_pool(self, view: PoolView) -> Floats:
        return self.score(view.probs)


class _MeanProbsUncertaintySampler(_UncertaintySampler):
    """Select the highest `score` of the mean of `draws` samples of the probabilities."""

    needs = frozenset({Need.PROB_SAMPLES})

    def __init__(self, draws: int = 20) -> None:
        require_at_least(f"sampler '{self.name}'", 1, draws=draws)
        self.draws = draws

    def score_pool(self, view: PoolView) -> Floats:
        return self.score(score_prob_samples(view.lazy_prob_samples, lambda samples: samples.mean(axis=0)))


class Margin(_UncertaintySampler):
    """Select the images whose two highest class probabilities differ least.

    The margin is this difference. The score is 1 - margin, from 0 to 1.
    """

    name, score = "margin", staticmethod(margin_uncertainty)


class Ratio(_UncertaintySampler):
    """Select the images whose second highest class probability is nearest to the highest, by their ratio.

    The score is the second highest probability divided by the highest, from 0 to 1.
    """

    name, score = "ratio", staticmethod(ratio_uncertainty)


class Entropy(_UncertaintySampler):
    """Select the images with the highest entropy over all classes. The score is the entropy in nats."""

    name, score = "entropy", staticmethod(entropy)


class LeastConfidence(_UncertaintySampler):
    """Select the images whose highest class probability is smallest. The score is 1 - this probability, 0..1."""

    name, score = "least_confidence", staticmethod(least_confidence)


class MarginMC(_MeanProbsUncertaintySampler):
    """Select as `margin` does, by the mean of `draws` samples of the class probabilities."""

    name, score = "margin_mc", staticmethod(margin_uncertainty)


class RatioMC(_MeanProbsUncertaintySampler):
    """Select as `ratio` does, by the mean of `draws` samples of the class probabilities."""

    name, score = "ratio_mc", staticmethod(ratio_uncertainty)


class EntropyMC(_MeanProbsUncertaintySampler):
    """Select the images with the highest entropy of the mean probabilities of `draws` samples (in nats; the score).

    This is the max-entropy of Gal, Islam and Ghahramani 2017.
    """

    name, score = "entropy_mc", staticmethod(entropy)


class LeastConfidenceMC(_MeanProbsUncertaintySampler):
    """Select as `least_confidence` does, by the mean of `draws` samples of the class probabilities."""

    name, score = "least_confidence_mc", staticmethod(least_confidence)
