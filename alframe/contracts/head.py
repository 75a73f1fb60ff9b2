"""The contract of heads: small classifiers on top of the embeddings."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from alframe.types import Floats, Ints


class Head(Protocol):
    """A classifier that is fitted again in each round. It contains all that it needs to predict, such as the scaling.

    It may also offer `HiddenActivations`, `AcquisitionProbs`, `ExportableHead`, `UsesFitContext`, `UsesUnlabelled`,
    `TakesWeights` and `CheckableHead`.
    """

    stochastic: bool
    """Whether the draws of `prob_samples` differ (dropout, an ensemble)."""

    def fit(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator) -> None:
        """Fit to embeddings `x` (m, D) and class numbers `y` (m,) in 0..classes-1.

        A class without examples gets probability 0.
        """

    def probs(self, x: Floats) -> Floats:
        """Return the probabilities (n, C) of embeddings `x` (n, D), float32; each row sums to 1."""

    def prob_samples(self, x: Floats, draws: int, rng: np.random.Generator) -> Floats:
        """Return `draws` samples of the probabilities (T, n, C), float32, each by one model for all images.

        The same state of `rng` gives the same models for any images. So the samples of a pool are the same if `x` is
        the whole pool or one chunk after the other. Raises UnmetNeed if the head is not stochastic.
        """

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return everything that was learned, as arrays. They are stored as safetensors, never as a pickle."""

    def load(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Load the arrays that `state` returned. Then the head predicts the same probabilities."""


@runtime_checkable
class HiddenActivations(Protocol):
    """A head with hidden layers, for samplers that need `Need.HIDDEN_ACTIVATIONS`."""

    def hidden_activations(self, x: Floats) -> Floats:
        """Return the outputs of the hidden layers, side by side: (n, A) for embeddings `x` (n, D)."""


@runtime_checkable
class AcquisitionProbs(Protocol):
    """A head that gives samplers other probabilities than `probs`."""

    def acquisition_probs(self, x: Floats) -> Floats:
        """Return the probabilities (n, C) that samplers get. People see the probabilities of `probs`."""
