"""Check the results of a head. An error names the head and the distribution that owns it."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.contracts import AcquisitionProbs, Head, HiddenActivations, TakesWeights, UsesFitContext
from alframe.errors import BadOutput
from alframe.kit.arrays import PROB_SUM_TOLERANCE
from alframe.kit.composite import ABILITIES, forward_abilities
from alframe.types import FitContext, Floats, Ints


class CheckedHead:
    """The `head` that was built from `recipe`. Raises BadOutput if its results break the Head contract."""

    def __init__(self, head: Head, recipe: Mapping[str, Any]) -> None:
        self.head, self.recipe = head, recipe
        self._classes: int | None = None
        self.stochastic = head.stochastic
        self.state, self.load = head.state, head.load
        forward_abilities(self, head, ABILITIES)

    def fit(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator) -> None:
        self.head.fit(x, y, classes, rng)
        self._classes = classes

    def _fit_with_context(
        self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, context: FitContext
    ) -> None:
        assert isinstance(self.head, UsesFitContext)
        self.head.fit_with_context(x, y, classes, rng, context)
        self._classes = classes

    def _fit_weighted(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, weights: Floats) -> None:
        assert isinstance(self.head, TakesWeights)
        self.head.fit_weighted(x, y, classes, rng, weights)
        self._classes = classes

    def probs(self, x: Floats) -> Floats:
        return self._require_probs(self.head.probs(x), (len(x),), "probabilities")

    def _acquisition_probs(self, x: Floats) -> Floats:
        assert isinstance(self.head, AcquisitionProbs)
        return self._require_probs(self.head.acquisition_probs(x), (len(x),), "probabilities for samplers")

    def prob_samples(self, x: Floats, draws: int, rng: np.random.Generator) -> Floats:
        samples = self.head.prob_samples(x, draws, rng)
        return self._require_probs(samples, (draws, len(x)), "samples of the probabilities")

    def _hidden_activations(self, x: Floats) -> Floats:
        assert isinstance(self.head, HiddenActivations)
        outputs = self.head.hidden_activations(x)
        if not isinstance(outputs, np.ndarray) or outputs.ndim != 2 or len(outputs) != len(x):
            self._refuse(f"outputs of hidden layers that are no array ({len(x)}, A): {reprlib.repr(outputs)}")
        wrong = ~np.isfinite(outputs.sum(axis=1))
        if wrong.any():
            self._refuse(f"outputs of hidden layers that are not finite, for {wrong.sum()} of {len(wrong)} rows")
        return outputs

    def _require_probs(self, probs: Floats, shape: tuple[int, ...], name: str) -> Floats:
        if not isinstance(probs, np.ndarray) or probs.dtype.kind != "f":
            kind = f"an array of {probs.dtype}" if isinstance(probs, np.ndarray) else type(probs).__name__
            self._refuse(f"{name} as {kind}, not as an array of float32: {reprlib.repr(probs)}")
        if probs.ndim != len(shape) + 1 or probs.shape[:-1] != shape:
            self._refuse(f"{name} of the shape {probs.shape}, not ({', '.join(map(str, shape))}, classes)")
        if self._classes is not None and probs.shape[-1] != self._classes:
            self._refuse(f"{name} of {probs.shape[-1]} classes, and was fitted to {self._classes}")
        # NaN and infinity survive addition, so the sums tell of them as well, without a table of the pool's size.
        wrong = ~(np.abs(probs.sum(axis=-1) - 1) <= PROB_SUM_TOLERANCE)
        if wrong.any():
            first = np.array2string(probs[wrong][0], precision=3, threshold=6)
            rows = f"{wrong.sum()} of {wrong.size} rows; the first: {first}"
            self._refuse(f"{name} that are not finite or do not sum to 1, for {rows}")
        if probs.size and probs.min() < 0:
            self._refuse(f"{name} below 0, down to {probs.min():g}")
        return probs

    def _refuse(self, fault: str) -> None:
        raise BadOutput(
            f"{REGISTRIES['head'].describe(self.recipe)} gives {fault}. This head has a fault, or its training "
            "diverged. Change its parameters, or choose another head, e.g. head=linear."
        )
