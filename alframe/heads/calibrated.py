"""A head whose probabilities are made to mean what they say."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from alframe.contracts import Head, HiddenActivations
from alframe.errors import BadParams
from alframe.heads.fitting import softmax
from alframe.kit.chunks import chunks
from alframe.kit.parts import build_part
from alframe.types import Floats, Ints

LINEAR = MappingProxyType({"name": "linear"})
RANGE = 3.0  # natural logarithm of the largest temperature, and of the inverse of the smallest
TINY = 1e-12  # the logarithm of less is not needed: nothing is surer than that


class Calibrated:
    """Another head (`of` is its recipe), the logarithms of its probabilities divided by a temperature.

    Guo et al. 2017, "On calibration of modern neural networks". The temperature is the one with the lowest
    cross-entropy on labelled images predicted by heads that did not learn from them, in `folds` parts; test images play
    no part. The classes' order stays as it was, so accuracy does, too. To the cross-entropy that of one image is added
    whose label means nothing, so that a few images that are all right do not pass for certainty; with no image to
    predict (fewer than two of every class) the temperature is 1. Raises BadParams for fewer than two folds.
    """

    stochastic: bool
    activations: Callable[[Floats], Floats]  # only if that head has them

    def __init__(self, of: Mapping[str, Any] = LINEAR, folds: int = 5) -> None:
        if folds < 2 or "name" not in of:
            raise BadParams(
                f"head 'calibrated' needs two folds or more and the name of a head, and was given folds={folds}, "
                f"of={dict(of)}."
            )
        self.of = dict(of)
        self.folds = folds
        self._temperature = np.float32(1)
        self._inner = self._made()
        # Of the instance, not the class: else every one of these would seem to be stochastic.
        self.stochastic = self._inner.stochastic
        if isinstance(self._inner, HiddenActivations):
            self.activations = self._inner.activations

    def _made(self) -> Head:
        head: Head = build_part("head", self.of)
        return head

    def fit(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator) -> None:
        """See the Head contract."""
        self._temperature = self._measure(x, y, classes, rng)
        self._inner.fit(x, y, classes, rng)

    def _measure(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator) -> np.float32:
        from sklearn.model_selection import StratifiedKFold

        commonest = int(np.bincount(y).max(initial=0))
        if commonest < 2 or len(np.unique(y)) < 2:
            return np.float32(1)
        splitter = StratifiedKFold(min(self.folds, commonest), shuffle=True, random_state=int(rng.integers(2**31)))
        probs, truth = [], []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of classes that cannot be in every part
            parts = list(splitter.split(x, y))
        for train, test in parts:
            test = test[np.isin(y[test], y[train])]  # of what it has never seen, no temperature makes a head right
            head = self._made()
            head.fit(x[train], y[train], classes, rng)
            probs.append(head.probs(x[test]))
            truth.append(y[test])
        return _temperature(np.concatenate(probs), np.concatenate(truth))

    def probs(self, x: Floats) -> Floats:
        """See the Head contract."""
        return self._tempered(self._inner.probs(x))

    def prob_samples(self, x: Floats, draws: int, rng: np.random.Generator) -> Floats:
        """See the Head contract: that head's, each divided likewise."""
        return self._tempered(self._inner.prob_samples(x, draws, rng))

    def _tempered(self, probs: Floats) -> Floats:
        out = np.empty(probs.shape, np.float32)
        for rows in chunks(probs.shape[-2]):
            with np.errstate(divide="ignore"):
                out[..., rows, :] = softmax(np.asarray(np.log(probs[..., rows, :]) / self._temperature, np.float32))
        return out

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """That head's, and the `temperature`."""
        return {"temperature": np.array([self._temperature])} | {f"of.{k}": v for k, v in self._inner.state().items()}

    def load(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """See the Head contract."""
        self._temperature = np.float32(state["temperature"].item())
        self._inner.load({k.removeprefix("of."): v for k, v in state.items() if k.startswith("of.")})


def _temperature(probs: Floats, y: Ints) -> np.float32:
    # Of `probs` (q, C) for the true classes `y` (q,); a class that the head does not know is left out of the sums.
    logs = np.log(np.maximum(probs.astype(np.float64), TINY))
    known = probs > 0

    def loss(log: float) -> float:
        scaled = np.where(known, logs / np.exp(log), -np.inf)
        scaled -= np.logaddexp.reduce(scaled, axis=1, keepdims=True)
        nothing = np.where(known, scaled, 0).sum(axis=1) / known.sum(axis=1)
        return float(-scaled[np.arange(len(y)), y].sum() - nothing.mean())

    return np.float32(np.exp(minimize_scalar(loss, bounds=(-RANGE, RANGE), method="bounded").x))
