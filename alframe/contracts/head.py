"""A head is the small classifier on top of the embedding."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from alframe.types import Floats, Ints


class Head(Protocol):
    """Fitted anew each round on the labelled embeddings; holds all it needs to predict, its scaling included.

    A head with hidden layers may also offer `HiddenActivations`.
    """

    stochastic: bool
    """Whether `prob_samples` gives draws that differ (dropout, an ensemble)."""

    def fit(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator) -> None:
        """Learn from `x` (m, D) and class numbers `y` (m,) in 0..classes-1; a class without examples gets 0."""
        ...

    def probs(self, x: Floats) -> Floats:
        """(n, C) float32 probabilities; rows sum to 1."""
        ...

    def prob_samples(self, x: Floats, draws: int, rng: np.random.Generator) -> Floats:
        """(T, n, C) float32: `draws` samples of the probabilities, each of one model for all images.

        The same state of `rng` gives the same models, whatever images they are asked about: those of a pool in parts
        get the draws that they would get as a whole. Raises UnmetNeed if not stochastic.
        """
        ...

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All that was learned, as arrays (stored as safetensors, never as a pickle)."""
        ...

    def load(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Take back what `state` gave; the same probabilities follow."""
        ...


@runtime_checkable
class HiddenActivations(Protocol):
    """A head with hidden layers, for samplers that need `Need.ACTIVATIONS`."""

    def activations(self, x: Floats) -> Floats:
        """Return the outputs of the hidden layers, side by side: (n, A) for embeddings `x` (n, D)."""
        ...
