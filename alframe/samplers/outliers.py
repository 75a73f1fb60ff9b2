"""Images that the head's hidden layers hardly respond to, alone or among those it is unsure of.

Munro 2021, "Human-in-the-loop machine learning", section 4.2: what a network has not learned to see leaves its neurons
quiet.
"""

from __future__ import annotations

import numpy as np
from scipy.special import entr

from alframe.errors import BadParams
from alframe.kit.scoring import require_finite, select_top_k
from alframe.types import Floats, Need, PoolView, Selection


class OutliersMean:
    """The lowest mean activation over all hidden neurons; the score is its negative."""

    needs = frozenset({Need.ACTIVATIONS})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        return select_top_k(view.keys, _quiet(view.activations.mean(axis=1), "outliers_mean"), k, rng)


class OutliersMax:
    """The lowest activation of the most active hidden neuron; the score is its negative."""

    needs = frozenset({Need.ACTIVATIONS})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        # A NaN is the largest of all to numpy: it is not lost here.
        return select_top_k(view.keys, _quiet(view.activations.max(axis=1), "outliers_max"), k, rng)


class OutliersLeastConfidence:
    """Of the `factor` x k images whose likeliest class is least likely, the k with the lowest mean activation.

    The score is its negative. Raises BadParams for a factor below 1.
    """

    needs = frozenset({Need.ACTIVATIONS, Need.PROBS})
    name = "outliers_least_confidence"

    def __init__(self, factor: int = 4) -> None:
        if factor < 1:
            raise BadParams(f"sampler '{self.name}' needs a factor of 1 or more, and was given factor={factor}.")
        self.factor = factor

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        quiet = _quiet(view.activations.mean(axis=1), self.name)
        doubt = self.doubt(view.probs)
        require_finite(doubt, self.name, "class probabilities")
        rows = select_top_k(np.arange(len(view)), doubt, self.factor * k, rng).keys
        return select_top_k(view.keys[rows], quiet[rows], k, rng)

    def doubt(self, probs: Floats) -> Floats:
        """(n,) how unsure the head is, from `probs` (n, C)."""
        least: Floats = 1 - probs.max(axis=1)
        return least


class OutliersEntropy(OutliersLeastConfidence):
    """Of the `factor` x k images of largest entropy, the k with the lowest mean activation.

    The score is its negative. Raises BadParams for a factor below 1.
    """

    name = "outliers_entropy"

    def doubt(self, probs: Floats) -> Floats:
        """(n,) entropy in nats, from `probs` (n, C)."""
        nats: Floats = entr(probs).sum(axis=1)
        return nats


def _quiet(activation: Floats, sampler: str) -> Floats:
    require_finite(activation, sampler, "activations")
    return -activation
