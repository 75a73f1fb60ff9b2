"""The images that the head is least sure of (Settles 2009, "Active learning literature survey", section 3.1).

Each in two forms: by the head's own probabilities, and (`_mc`) by the mean of its draws, as in Gal, Islam and
Ghahramani 2017, "Deep Bayesian active learning with image data". The mean blurs what the draws disagree on, so that an
image may be uncertain to it on which the head itself is sure.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from alframe.errors import BadParams
from alframe.kit.scoring import require_finite, score_in_chunks, score_prob_samples, select_top_k, shannon_entropy
from alframe.types import Floats, Need, PoolView, Selection


@score_in_chunks
def margin(probs: Floats) -> Floats:
    """(n,) 1 - the lead of the likeliest class over the second, 0..1, of `probs` (n, C)."""
    second, first = _two_likeliest(probs)
    scores: Floats = 1 - (first - second)
    return scores


@score_in_chunks
def ratio(probs: Floats) -> Floats:
    """(n,) the second likeliest class's probability over the likeliest's, 0..1, of `probs` (n, C)."""
    second, first = _two_likeliest(probs)
    scores: Floats = second / first
    return scores


@score_in_chunks
def entropy(probs: Floats) -> Floats:
    """(n,) entropy over all classes, in nats, of `probs` (n, C); a probability of zero adds nothing."""
    return shannon_entropy(probs)


@score_in_chunks
def least_confidence(probs: Floats) -> Floats:
    """(n,) 1 - the probability of the likeliest class, 0..1, of `probs` (n, C)."""
    scores: Floats = 1 - np.ascontiguousarray(probs.T).max(axis=0)  # as below, class by class
    return scores


def _two_likeliest(probs: Floats) -> tuple[Floats, Floats]:
    # Class by class over many rows, which is several times faster than sorting each row.
    first = np.array(probs[:, 0])
    second = np.zeros_like(first)  # with one class so far, it leads everywhere
    for column in np.ascontiguousarray(probs.T)[1:]:
        np.maximum(second, np.minimum(first, column), out=second)
        np.maximum(first, column, out=first)
    return second, first


class _ByHead:
    name: ClassVar[str]
    score: ClassVar[staticmethod[[Floats], Floats]]
    needs = frozenset({Need.PROBS})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        return self._rank(view.probs, view, k, rng)

    def _rank(self, probs: Floats, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        require_finite(probs.sum(axis=1), self.name, "class probabilities")
        return select_top_k(view.keys, self.score(probs), k, rng)


class _ByDraws(_ByHead):
    needs = frozenset({Need.PROB_SAMPLES})

    def __init__(self, draws: int = 20) -> None:
        if draws < 1:
            raise BadParams(f"sampler '{self.name}' needs at least 1 draw; it was given draws={draws}.")
        self.draws = draws

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        return self._rank(score_prob_samples(view.lazy_prob_samples, lambda part: part.mean(axis=0)), view, k, rng)


class Margin(_ByHead):
    """The smallest lead of the likeliest class over the second; score 1 - lead, in 0..1."""

    name, score = "margin", staticmethod(margin)


class Ratio(_ByHead):
    """The second likeliest class nearly as likely as the likeliest; score their ratio, in 0..1."""

    name, score = "ratio", staticmethod(ratio)


class Entropy(_ByHead):
    """The largest entropy over all classes, in nats."""

    name, score = "entropy", staticmethod(entropy)


class LeastConfidence(_ByHead):
    """The smallest probability of the likeliest class; score 1 - that probability, in 0..1."""

    name, score = "least_confidence", staticmethod(least_confidence)


class MarginMC(_ByDraws):
    """`margin` of the mean of so many `draws`."""

    name, score = "margin_mc", staticmethod(margin)


class RatioMC(_ByDraws):
    """`ratio` of the mean of so many `draws`."""

    name, score = "ratio_mc", staticmethod(ratio)


class EntropyMC(_ByDraws):
    """`entropy` of the mean of so many `draws`: what Gal, Islam and Ghahramani 2017 call max-entropy."""

    name, score = "entropy_mc", staticmethod(entropy)


class LeastConfidenceMC(_ByDraws):
    """`least_confidence` of the mean of so many `draws`."""

    name, score = "least_confidence_mc", staticmethod(least_confidence)
