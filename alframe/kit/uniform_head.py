"""A head for the time before the first label."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from alframe.types import Floats, Ints


class UniformHead:
    """A head that gives all `classes` the same probability for every image. All of its draws are the same.

    Use it as long as there is no label, in programs that call a sampler before the first label.
    """

    stochastic = True

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def fit(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator) -> None:
        """Take the number of classes, and learn nothing."""
        self.classes = classes

    def probs(self, x: Floats) -> Floats:
        """Return 1 / C for each class: (n, C) for `x` (n, D)."""
        return np.full((len(x), self.classes), 1 / self.classes, np.float32)

    def prob_samples(self, x: Floats, draws: int, rng: np.random.Generator) -> Floats:
        """Return 1 / C for each class and each of the T = `draws` draws: (T, n, C)."""
        return np.full((draws, len(x), self.classes), 1 / self.classes, np.float32)

    def hidden_activations(self, x: Floats) -> Floats:
        """Return zeros (n, 1), because this head has no hidden layer."""
        return np.zeros((len(x), 1), np.float32)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the number of classes."""
        return {"classes": np.array([self.classes])}

    def load(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Restore the number of classes from `state`."""
        self.classes = int(state["classes"].item())
