"""Logistic regression and class means together, as sure as they may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alframe.heads.fitting import DeterministicHead, expand_to_all_classes, prepare_examples, reduce_rows, softmax
from alframe.heads.linear import GRADIENT_TOLERANCE, fit_logistic_regression
from alframe.heads.prototype import fit_prototypes
from alframe.heads.sharpness import FOLD_TOLERANCE, balanced_weights, fit_shares, fit_sharpness, split_folds
from alframe.kit.chunks import chunks
from alframe.kit.clustering import unit_vectors
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.types import Bools, FitContext, Floats, Floats64, Ints

if TYPE_CHECKING:
    from torch import nn

REFERENCES = 2000  # examples that the distance of an image is measured to, at most: each costs time and memory


@dataclass(frozen=True, slots=True)
class HeldOutLogits:
    """What models say of q examples that they were not fitted to.

    `logits` (2, q, P) are of both models, `distances` (q,) those to the nearest example that they were fitted to, and
    `y` (q,) the true classes: -1 where the models were fitted to no example of it.
    """

    logits: Floats64
    distances: Floats64
    y: Ints


class Auto(DeterministicHead):
    """The heads `linear` and `prototype`, mixed and made as sure as is right, all by how they predict labelled images.

    Each labelled image is predicted by models that were not fitted to it. The logits of both heads are added with the
    two factors that predict best (stacking: Wolpert 1992, "Stacked generalization"), where a class counts by the square
    root of its images. To the linear model, all classes count the same. Then a factor makes the probabilities as sure
    as they may be (temperature scaling: Guo et al. 2017), where every image counts the same.

    With bursts, one image is predicted twice: by models that know other images of its burst, and by models that do not.
    The latter are wrong more often, and their image is farther from all examples. So how sure the head is falls with
    the distance to the nearest example, and is right for images of known bursts as well as for those of new ones.

    `c`: inverse strength of the penalty of `linear`, above 0.
    `shrinkage`: that of `prototype`, above 0 and at most 1.
    `folds`: parts of the examples, at least 2; each is predicted by models that were fitted to the others.
    `max_iter`: steps of each fit of `linear`, at most.
    """

    name = "auto"

    def __init__(self, c: float = 0.1, shrinkage: float = 0.9, folds: int = 5, max_iter: int = 1000) -> None:
        require_parameter("head 'auto'", c > 0, "above 0", c=c)
        require_parameter("head 'auto'", 0 < shrinkage <= 1, "above 0 and at most 1", shrinkage=shrinkage)
        require_at_least("head 'auto'", 2, folds=folds)
        require_at_least("head 'auto'", 1, max_iter=max_iter)
        self.c, self.shrinkage, self.folds, self.max_iter = c, shrinkage, folds, max_iter

    def fit(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator) -> None:
        """See the Head contract."""
        self.fit_with_context(x, y, classes, rng, FitContext.unknown(len(y)))

    def fit_with_context(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, context: FitContext) -> None:
        """See the UsesFitContext contract; without `unseen` rows of two classes, both models count half."""
        scaled, mean, scale, present, target = prepare_examples(x, y)
        rows, basis = reduce_rows(scaled)
        examples = _Examples(rows, unit_vectors(rows), target, context.is_unseen_by_backbone, x.shape[1], self)
        references = np.sort(rng.permutation(len(y))[:REFERENCES])
        models = examples.fit(np.arange(len(y)))
        plain = fit_logistic_regression(
            rows, np.eye(len(present), dtype=np.float32)[target], self.c, self.max_iter, self.name
        )
        factors, sharpness, falloff = _fit_factors(examples, models, references, context.groups, rng)
        factors = np.asarray(factors * np.exp(sharpness), np.float32)
        linear, prototypes = (factor * weight @ basis for factor, weight in zip(factors, models.weights, strict=True))
        bias = np.asarray(factors @ np.stack(models.biases), np.float32)
        weight, all_bias = expand_to_all_classes(linear, bias, present, classes)
        unit_weight, _ = expand_to_all_classes(prototypes, bias, present, classes)
        plain_weight, plain_bias = expand_to_all_classes(plain[0] @ basis, plain[1], present, classes)
        kept = references if falloff else references[:0]
        self._state = {
            "mean": mean,
            "scale": scale,
            "weight": weight,
            "unit_weight": unit_weight,
            "bias": all_bias,
            "plain_weight": plain_weight,
            "plain_bias": plain_bias,
            "references": examples.unit[kept] @ basis,
            "falloff": np.array([falloff], np.float32),
        }

    def probs(self, x: Floats) -> Floats:
        """See the Head contract; `x` (n, D) may be memory-mapped."""
        s = self._state
        out = np.empty((len(x), len(s["bias"])), np.float32)
        for chunk in chunks(len(x)):
            scaled = self.scale(x[chunk])
            length = np.linalg.norm(scaled, axis=1, keepdims=True)
            length[length == 0] = 1
            logits = scaled @ s["weight"].T + (scaled @ s["unit_weight"].T) / length + s["bias"]
            if len(s["references"]):
                similarity = (scaled @ s["references"].T).max(axis=1, keepdims=True) / length
                logits *= np.exp(-s["falloff"] * (1 - similarity))
            out[chunk] = softmax(logits)
        return out

    def acquisition_probs(self, x: Floats) -> Floats:
        """See the AcquisitionProbs contract: those of `linear`, which doubts rare classes, so that they are asked for.

        Chosen by the fair ones instead, photographs and a long tail were a point less accurate (two or three seeds).
        """
        weight, bias = self._state["plain_weight"], self._state["plain_bias"]
        out = np.empty((len(x), len(bias)), np.float32)
        for chunk in chunks(len(x)):
            out[chunk] = softmax(self.scale(x[chunk]) @ weight.T + bias)
        return out

    def logits_module(self) -> nn.Module:
        """See the ExportableHead contract."""
        from alframe.heads.torch_modules import MixedLogits

        return MixedLogits(self._state["mean"], self._state["scale"], self._state)


@dataclass(frozen=True, slots=True)
class _Models:
    """Both models, fitted to examples of the classes `present` (P,): `weights` (P, D) and `biases` (P,) of each."""

    present: Ints
    weights: tuple[Floats, Floats]
    biases: tuple[Floats, Floats]


@dataclass(frozen=True, slots=True)
class _Examples:
    """What both models are fitted to: scaled `rows` (m, r), brought to length 1 as `unit` (m, r), and the classes."""

    rows: Floats
    unit: Floats
    y: Ints
    unseen: Bools
    dim: int
    head: Auto

    def fit(self, train: Ints, start: _Models | None = None) -> _Models:
        """Return both models of the rows `train` (t,); with `start`, only as exact as is needed to measure them."""
        present, y = np.unique(self.y[train], return_inverse=True)
        linear = fit_logistic_regression(
            self.rows[train],
            np.asarray(np.eye(len(present))[y] * balanced_weights(y, np.ones(len(y)))[:, None], np.float32),
            self.head.c,
            self.head.max_iter,
            "auto",
            start=None if start is None else (start.weights[0][present], start.biases[0][present]),
            tolerance=GRADIENT_TOLERANCE if start is None else FOLD_TOLERANCE,
        )
        prototypes = fit_prototypes(self.unit[train], y, self.head.shrinkage, self.dim, self.unseen[train])
        return _Models(present, *zip(linear, prototypes, strict=True))

    def predict(self, models: _Models, test: Ints) -> Floats64:
        """Return the logits (2, t, P) of the rows `test` (t,) over all classes; minus infinity where one is absent."""
        logits = np.full((2, len(test), int(self.y.max()) + 1), -np.inf)
        for model, rows in enumerate((self.rows, self.unit)):
            logits[model][:, models.present] = rows[test] @ models.weights[model].T + models.biases[model]
        return logits

    def predict_held_out(self, tests: Sequence[Ints], start: _Models, references: Ints) -> HeldOutLogits:
        """Predict each of the `tests`, of which there is one at least, by models of all other rows."""
        logits, distances, y = [], [], []
        for test in tests:
            train = np.setdiff1d(np.arange(len(self.y)), test)
            logits.append(self.predict(self.fit(train, start), test))
            nearest = np.intersect1d(references, train)
            nearest = nearest if len(nearest) else train
            distances.append(_distance_to_nearest(self.unit[test], self.unit[nearest]))
            y.append(np.where(np.isin(self.y[test], self.y[train]), self.y[test], -1))
        return HeldOutLogits(np.concatenate(logits, axis=1), np.concatenate(distances), np.concatenate(y))


def _fit_factors(
    examples: _Examples, models: _Models, references: Ints, groups: Ints, rng: np.random.Generator
) -> tuple[Floats64, float, float]:
    """Return the factors (2,) of both models, and their common logarithm a - b distance as (a, b)."""
    folds = examples.head.folds
    tests = [split_folds(examples.y, examples.unseen, np.arange(len(groups)), folds, rng)]
    are_bursts = len(np.unique(groups)) < len(groups)
    if are_bursts:
        tests.append(split_folds(examples.y, examples.unseen, groups, folds, rng))
    each = [examples.predict_held_out(some, models, references) for some in tests if some]
    each = [some for some in each if (some.y >= 0).any()]
    if not each:
        return np.full(2, 0.5), 0.0, 0.0
    logits = np.concatenate([some.logits for some in each], axis=1)
    distances, y = (np.concatenate([getattr(some, name) for some in each]) for name in ("distances", "y"))
    total = sum(len(some.y) for some in each)
    weights = np.concatenate([np.full(len(some.y), total / len(each) / len(some.y)) for some in each])
    known = y >= 0
    if len(np.unique(y[known])) < 2:  # one class alone cannot tell which model tells classes apart
        return np.full(2, 0.5), 0.0, 0.0
    factors = fit_shares(logits[:, known], y[known], balanced_weights(y[known], weights[known], power=0.5))
    # Which class comes first is decided, with fairness to rare ones; how sure that is goes by all images alike.
    a, b = fit_sharpness(_combine(factors, logits), distances, y, weights, falls=are_bursts)
    return factors, a, b


def _combine(factors: Floats64, logits: Floats64) -> Floats64:
    """Return the sum (q, P) of `logits` (2, q, P) times `factors` (2,); minus infinity stays, whatever the factor."""
    known = np.isfinite(logits[0])
    return np.where(known, np.tensordot(factors, np.where(known, logits, 0), 1), -np.inf)


def _distance_to_nearest(unit: Floats, references: Floats) -> Floats:
    """Return the cosine distance (n,) of rows of length 1, `unit` (n, D), to the nearest of `references` (r, D)."""
    return np.asarray(1 - (unit @ references.T).max(axis=1))
