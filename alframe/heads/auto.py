"""The head `auto`: a calibrated mixture of logistic regression and class means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alframe.heads.fitting import (
    DeterministicHead,
    FitsWithContext,
    expand_layer_to_all_classes,
    limit_to_one_thread,
    reduce_rows,
    row_norms,
    scale_examples,
    softmax,
)
from alframe.heads.linear import GRADIENT_TOLERANCE, fit_logistic_regressions
from alframe.heads.prototype import Falloff, fit_prototypes
from alframe.heads.sharpness import (
    FOLD_TOLERANCE,
    balanced_weights,
    fit_model_factors,
    fit_sharpness,
    split_folds_unseen_by_backbone,
)
from alframe.kit.chunks import row_slices
from alframe.kit.clustering import unit_vectors
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.types import Bools, FitContext, Floats, Floats64, Ints

if TYPE_CHECKING:
    from torch import nn

ABSENT_CLASS_LOGIT = np.float32(-1e4)  # the logit of a class without examples: its power is 0
MAX_REFERENCES = 2000  # examples that the distance of an image is measured to, at most: each costs time and memory


@dataclass(frozen=True, slots=True)
class HeldOutLogits:
    """The predictions of models for q examples that they were not fitted to.

    `logits` (2, q, P) are from both models. `distances` (q,) are the distances to the nearest example in the fit. `y`
    (q,) are the true classes, or -1 if the fit had no example of the class. Each example counts `weights` (q,) times.
    """

    logits: Floats64
    distances: Floats64
    y: Ints
    weights: Floats64


class Auto(FitsWithContext, DeterministicHead):
    """Predict by a calibrated mixture of the heads `linear` and `prototype`, fitted in a cross-validation.

    Each labelled image is predicted by models that were not fitted to it. The logits of both heads are multiplied by
    two factors and added (stacking: Wolpert 1992, "Stacked generalization"). The factors are those that predict best,
    where the weight of a class is the square root of its number of images. With few labels, both factors are nearly
    equal. In the linear model, all classes have the same weight. In a pool with bursts, all images have the same weight
    instead, because a rare class is often a single burst there. With a large weight, the model would learn its
    background.

    Then a further factor calibrates the probabilities (temperature scaling: Guo et al. 2017). All images have the same
    weight in this step. With bursts, each image is predicted twice: by models that know other images of its burst, and
    by models that do not. The predictions of the latter are wrong more often, and the nearest labelled image is farther
    away. So the factor falls with the distance to the nearest labelled image. The probabilities are calibrated for
    images of known bursts and of new bursts.
    """

    name = "auto"

    def __init__(self, c: float = 0.1, shrinkage: float = 0.9, folds: int = 5, max_iter: int = 1000) -> None:
        require_parameter("head 'auto'", c > 0, "above 0", c=c)
        require_parameter("head 'auto'", 0 < shrinkage <= 1, "above 0 and at most 1", shrinkage=shrinkage)
        require_at_least("head 'auto'", 2, folds=folds)
        require_at_least("head 'auto'", 1, max_iter=max_iter)
        self.c, self.shrinkage, self.folds, self.max_iter = c, shrinkage, folds, max_iter

    def fit_with_context(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, context: FitContext) -> None:
        """See the UsesFitContext contract; without `is_unseen` rows of two classes, both models count half."""
        self._fit(x, y, classes, rng, context, np.ones(len(y), np.float32))

    def fit_weighted(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, weights: Floats) -> None:
        """See the TakesWeights contract. An example is in only one fold, whatever its weight is."""
        self._fit(x, y, classes, rng, FitContext.unknown(len(y)), weights)

    @limit_to_one_thread()
    def _fit(
        self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, context: FitContext, weights: Floats
    ) -> None:
        scaled, mean, scale, present, target = scale_examples(x, y, weights)
        reduced = reduce_rows(scaled)
        is_unseen = context.is_unseen_by_backbone
        unit_rows, groups = unit_vectors(reduced.rows), context.groups
        examples = _Examples(reduced.rows, unit_rows, target, is_unseen, groups, weights, x.shape[1], self)
        references = np.sort(rng.permutation(len(y))[:MAX_REFERENCES])
        models, plain = examples.fit_models()
        factors, sharpness, falloff = _fit_factors_and_sharpness(examples, models, references, rng)
        factors = np.asarray(factors * np.exp(sharpness), np.float32)
        bias = np.asarray(factors @ np.stack([models.linear[1], models.prototypes[1]]), np.float32)
        weight, all_bias = expand_layer_to_all_classes(
            factors[0] * reduced.expand(models.linear[0]), bias, present, classes
        )
        prototypes = factors[1] * reduced.expand(models.prototypes[0])
        unit_weight, _ = expand_layer_to_all_classes(prototypes, bias, present, classes)
        plain_weight, plain_bias = expand_layer_to_all_classes(reduced.expand(plain[0]), plain[1], present, classes)
        kept = references if falloff else references[:0]
        self._state = {
            "mean": mean,
            "scale": scale,
            "weight": weight,
            "unit_weight": unit_weight,
            "bias": all_bias,
            "plain_weight": plain_weight,
            "plain_bias": plain_bias,
            "references": unit_vectors(scaled[kept]),
            "falloff": np.array([falloff], np.float32),
        }

    def probs(self, x: Floats) -> Floats:
        """See the Head contract; `x` (n, D) may be memory-mapped."""
        s = self._state
        out = np.empty((len(x), len(s["bias"])), np.float32)
        for chunk in row_slices(len(x)):
            scaled = self.scale_features(x[chunk])
            length = row_norms(scaled)
            length[length == 0] = 1
            logits = scaled @ s["weight"].T + (scaled @ s["unit_weight"].T) / length + s["bias"]
            if len(s["references"]):
                similarity = (scaled @ s["references"].T).max(axis=1, keepdims=True) / length
                logits *= np.exp(-s["falloff"] * (1 - similarity))
            out[chunk] = softmax(logits)
        return out

    def acquisition_probs(self, x: Floats) -> Floats:
        """See the AcquisitionProbs contract. `linear` is uncertain about rare classes, so these are requested.

        If samplers used `probs`, the accuracy would be a point lower on photographs and on a long tail (two or three
        seeds).
        """
        return self.probs_of_layer(x, "plain_weight", "plain_bias")

    def logits_module(self) -> nn.Module:
        from alframe.heads.torch_modules import SummedLogits

        return SummedLogits(self._state["mean"], self._state["scale"], self._state)


@dataclass(frozen=True, slots=True)
class _Models:
    """Both models, fitted to all examples: their weights (P, r), biases (P,), and the falloff of the prototypes."""

    linear: tuple[Floats, Floats]
    prototypes: tuple[Floats, Floats]
    falloff: Falloff


@dataclass(frozen=True, slots=True)
class _Examples:
    """The examples of both models: scaled `rows` (m, r), the same with length 1 (`unit_rows`), and the classes.

    They have r coordinates of `dim` features. `groups` (m,) are their bursts; each row counts `weights` (m,) times.
    """

    rows: Floats
    unit_rows: Floats
    y: Ints
    is_unseen: Bools
    groups: Ints
    weights: Floats
    dim: int
    head: Auto

    @property
    def has_bursts(self) -> bool:
        return len(np.unique(self.groups)) < len(self.groups)

    def fit_models(self) -> tuple[_Models, tuple[Floats, Floats]]:
        """Return the models of all examples, and a linear model with the same weight for every example."""
        equal_targets = np.eye(int(self.y.max()) + 1, dtype=np.float32)[self.y] * self.weights[:, None]
        weights, biases = self._fit_linear(equal_targets[None])
        balanced_targets = self._balanced_targets(np.arange(len(self.y)))
        linear = self._fit_linear(balanced_targets[None], start=(weights[0], biases[0]))
        shrinkage = self.head.shrinkage
        *prototypes, falloff = fit_prototypes(self.unit_rows, self.y, shrinkage, self.dim, self.is_unseen, self.weights)
        models = _Models((linear[0][0], linear[1][0]), (prototypes[0], prototypes[1]), falloff)
        return models, (weights[0], biases[0])

    def predict_held_out(self, tests: Sequence[Ints], models: _Models, references: Ints) -> HeldOutLogits:
        """Predict each of the `tests` (at least one) by models of all other rows.

        The fits start from the `models` of all rows, and are only as exact as this measurement needs. Without
        `references`, all distances are 0.
        """
        trains = [np.setdiff1d(np.arange(len(self.y)), test) for test in tests]
        targets = np.stack([self._balanced_targets(train) for train in trains])
        linear = self._fit_linear(targets, models.linear, FOLD_TOLERANCE)
        logits, distances, y = [], [], []
        for test, train, weight, bias in zip(tests, trains, *linear, strict=True):
            known, numbers = np.unique(self.y[train], return_inverse=True)
            found = np.full((2, len(test), int(self.y.max()) + 1), -np.inf)
            found[0][:, known] = self.rows[test] @ weight[known].T + bias[known]
            weight, bias, _ = fit_prototypes(
                self.unit_rows[train],
                numbers,
                self.head.shrinkage,
                self.dim,
                self.is_unseen[train],
                self.weights[train],
                models.falloff,
            )
            found[1][:, known] = self.unit_rows[test] @ weight.T + bias
            logits.append(found)
            y.append(np.where(np.isin(self.y[test], known), self.y[test], -1))
            distances.append(self._distances_to_nearest_reference(test, train, references))
        weights = self.weights[np.concatenate(tests)].astype(np.float64)
        return HeldOutLogits(np.concatenate(logits, axis=1), np.concatenate(distances), np.concatenate(y), weights)

    def _distances_to_nearest_reference(self, test: Ints, train: Ints, references: Ints) -> Floats:
        """Return the cosine distance (t,) of each of the rows `test` to the nearest of the `references` in `train`."""
        if not len(references):
            return np.zeros(len(test), np.float32)
        nearest = np.intersect1d(references, train)
        similar = self.unit_rows[test] @ self.unit_rows[nearest if len(nearest) else train].T
        return np.asarray(1 - similar.max(axis=1))

    def _balanced_targets(self, train: Ints) -> Floats:
        """Return the weight of each example for each class (m, P): for the rows `train`, with equal sums by class.

        With bursts, all of them have the same weight.
        """
        targets = np.zeros((len(self.y), int(self.y.max()) + 1), np.float32)
        power, weights = 0.0 if self.has_bursts else 1.0, self.weights[train].astype(np.float64)
        targets[train, self.y[train]] = balanced_weights(self.y[train], weights, power)
        return targets

    def _fit_linear(
        self, targets: Floats, start: tuple[Floats, Floats] | None = None, tolerance: float = GRADIENT_TOLERANCE
    ) -> tuple[Floats, Floats]:
        """Return the weights (k, P, r) and biases (k, P) of the linear models of the `targets` (k, m, P)."""
        absent = np.where(targets.any(axis=1), np.float32(0), ABSENT_CLASS_LOGIT)
        c, max_iter = self.head.c, self.head.max_iter
        return fit_logistic_regressions(self.rows, targets, c, max_iter, "auto", absent, start, tolerance)


def _fit_factors_and_sharpness(
    examples: _Examples, models: _Models, references: Ints, rng: np.random.Generator
) -> tuple[Floats64, float, float]:
    """Return the factors (2,) of both models, and their common logarithm a - b distance as (a, b)."""
    folds = examples.head.folds
    tests = [split_folds_unseen_by_backbone(examples.y, examples.is_unseen, np.arange(len(examples.y)), folds, rng)]
    if examples.has_bursts:
        tests.append(split_folds_unseen_by_backbone(examples.y, examples.is_unseen, examples.groups, folds, rng))
    references = references if examples.has_bursts else references[:0]
    predicted = [examples.predict_held_out(fold, models, references) for fold in tests if fold]
    predicted = [fold for fold in predicted if (fold.y >= 0).any()]
    if not predicted:
        return np.full(2, 0.5), 0.0, 0.0
    logits = np.concatenate([fold.logits for fold in predicted], axis=1)
    distances, y = (np.concatenate([getattr(fold, name) for fold in predicted]) for name in ("distances", "y"))
    total = sum(fold.weights.sum() for fold in predicted)
    weights = np.concatenate([fold.weights * (total / len(predicted) / fold.weights.sum()) for fold in predicted])
    known = y >= 0
    if len(np.unique(y[known])) < 2:  # one class alone cannot tell which model tells classes apart
        return np.full(2, 0.5), 0.0, 0.0
    factors = fit_model_factors(logits[:, known], y[known], balanced_weights(y[known], weights[known], power=0.5))
    # Which class comes first is decided, with fairness to rare ones; how sure that is goes by all images alike.
    a, b = fit_sharpness(_sum_weighted_logits(factors, logits), distances, y, weights, with_falloff=examples.has_bursts)
    return factors, a, b


def _sum_weighted_logits(factors: Floats64, logits: Floats64) -> Floats64:
    """Return the sum (q, P) of `logits` (2, q, P) times `factors` (2,). Minus infinity stays, even if a factor is 0."""
    known = np.isfinite(logits[0])
    return np.where(known, np.tensordot(factors, np.where(known, logits, 0), 1), -np.inf)
