"""The images that the head is least sure of (Settles 2009, "Active learning literature survey", section 3.1)."""

from __future__ import annotations

import numpy as np
from scipy.special import entr

from alframe.samplers.ranking import require_finite, top
from alframe.types import Floats, Need, PoolView, Selection


class Margin:
    """The smallest lead of the likeliest class over the second; score 1 - lead, in 0..1."""

    needs = frozenset({Need.PROBS})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        probs = _finite(view.probs, "margin")
        if probs.shape[1] < 2:  # one class so far: it leads everywhere
            return top(view.ids, 1 - probs.sum(axis=1), k, rng)
        second, first = np.partition(probs, -2, axis=1)[:, -2:].T
        return top(view.ids, 1 - (first - second), k, rng)


class Entropy:
    """The largest entropy over all classes, in nats."""

    needs = frozenset({Need.PROBS})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        return top(view.ids, entr(_finite(view.probs, "entropy")).sum(axis=1), k, rng)


class LeastConfidence:
    """The smallest probability of the likeliest class; score 1 - that probability, in 0..1."""

    needs = frozenset({Need.PROBS})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        return top(view.ids, 1 - _finite(view.probs, "least_confidence").max(axis=1), k, rng)


def _finite(probs: Floats, sampler: str) -> Floats:
    require_finite(probs.sum(axis=1), sampler, "class probabilities")
    return probs
