"""The head `calibrated`: another head, with calibrated probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from alframe.contracts import CheckableHead, ExportableHead, Head, HiddenActivations, UsesUnlabelled
from alframe.heads.fitting import FitsWithContext, softmax
from alframe.heads.sharpness import split_folds_unseen_by_backbone
from alframe.kit.chunks import row_slices
from alframe.kit.composite import build_part, fit_head, forward_abilities
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.types import FitContext, Floats, Ints

if TYPE_CHECKING:
    from torch import nn

MAX_LOG_TEMPERATURE = 3.0  # natural logarithm; the smallest temperature is the inverse of the largest
MIN_PROB = 1e-12  # the logarithm of less is not needed: nothing is surer than that


class Calibrated(FitsWithContext):
    """Predict by another head, and divide its log probabilities by a temperature (temperature scaling).

    The temperature is the one with the lowest cross-entropy on the labelled images, in a cross-validation. Each image
    is predicted by a head that was not fitted to this image or to other images of its burst. Test images are not used.
    The order of the classes and the accuracy stay the same. An artificial image, whose true class may be any class, is
    added. Otherwise, a few images that are all predicted correctly would make the head certain. The temperature is 1 if
    all labels are of one class, or if no class has two labelled images of different bursts. Guo et al. 2017, "On
    calibration of modern neural networks".
    """

    stochastic: bool

    def __init__(self, of: Mapping[str, Any] = {"name": "linear"}, folds: int = 5) -> None:
        require_at_least("head 'calibrated'", 2, folds=folds)
        require_parameter("head 'calibrated'", "name" in of, "a recipe with the name of a head", of=dict(of))
        self.of = dict(of)
        self.folds = folds
        self._temperature = np.float32(1)
        self._inner: Head = build_part("head", self.of)
        # Of the instance, not the class: else every one of these would seem to be stochastic.
        self.stochastic = self._inner.stochastic
        forward_abilities(self, self._inner, (CheckableHead, ExportableHead, HiddenActivations, UsesUnlabelled))

    def fit_with_context(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, context: FitContext) -> None:
        """See the UsesFitContext contract; without `is_unseen` rows of two classes, the temperature is 1."""
        self._temperature = self._cross_validated_temperature(x, y, classes, rng, context)
        fit_head(self._inner, x, y, classes, rng, context)

    def _cross_validated_temperature(
        self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, context: FitContext
    ) -> np.float32:
        probs, labels = [], []
        for test in split_folds_unseen_by_backbone(y, context.is_unseen_by_backbone, context.groups, self.folds, rng):
            train = np.setdiff1d(np.arange(len(y)), test)
            test = test[np.isin(y[test], y[train])]  # at a class it has never seen, a head is wrong at any temperature
            head = build_part("head", self.of)
            fit_head(head, x[train], y[train], classes, rng, context.take(train))
            probs.append(head.probs(x[test]))
            labels.append(y[test])
        if not sum(map(len, labels)):
            return np.float32(1)
        return _fit_temperature_to_probs(np.concatenate(probs), np.concatenate(labels))

    def probs(self, x: Floats) -> Floats:
        return self._apply_temperature(self._inner.probs(x))

    def prob_samples(self, x: Floats, draws: int, rng: np.random.Generator) -> Floats:
        """See the Head contract. The log probabilities of the other head's samples are divided by the temperature."""
        return self._apply_temperature(self._inner.prob_samples(x, draws, rng))

    def _apply_temperature(self, probs: Floats) -> Floats:
        out = np.empty(probs.shape, np.float32)
        for rows in row_slices(probs.shape[-2]):
            with np.errstate(divide="ignore"):
                out[..., rows, :] = softmax(np.asarray(np.log(probs[..., rows, :]) / self._temperature, np.float32))
        return out

    def _logits_module(self) -> nn.Module:
        from alframe.heads.torch_modules import scale_by_temperature

        assert isinstance(self._inner, ExportableHead)
        return scale_by_temperature(self._inner.logits_module(), float(self._temperature))

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the other head's state, with ``of.`` before its names, and the `temperature`."""
        return {"temperature": np.array([self._temperature])} | {f"of.{k}": v for k, v in self._inner.state().items()}

    def load(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self._temperature = np.float32(state["temperature"].item())
        self._inner.load({k.removeprefix("of."): v for k, v in state.items() if k.startswith("of.")})


def _fit_temperature_to_probs(probs: Floats, y: Ints) -> np.float32:
    """Return the temperature with which `probs` (q, C) predict `y` (q,) best; a class of probability 0 is left out."""
    logs = np.log(np.maximum(probs.astype(np.float64), MIN_PROB))
    is_known = probs > 0

    def loss(log_temperature: float) -> float:
        log_probs = np.where(is_known, logs / np.exp(log_temperature), -np.inf)
        log_probs -= np.logaddexp.reduce(log_probs, axis=1, keepdims=True)
        uninformed = np.where(is_known, log_probs, 0).sum(axis=1) / is_known.sum(axis=1)
        return float(-log_probs[np.arange(len(y)), y].sum() - uninformed.mean())

    bounds = (-MAX_LOG_TEMPERATURE, MAX_LOG_TEMPERATURE)
    return np.float32(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))
