"""The head `prototype`: the nearest class mean, with distances in units of the variation within classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alframe.heads.fitting import (
    FitsWithContext,
    LinearLogitsHead,
    class_means_and_counts,
    expand_layer_to_all_classes,
    limit_to_one_thread,
    scale_examples,
)
from alframe.kit.clustering import unit_vectors
from alframe.kit.parameters import require_parameter
from alframe.types import Bools, FitContext, Floats, Floats64, Ints

if TYPE_CHECKING:
    from torch import nn

DEFAULT_SHARPNESS = 4.0  # where no class has two examples to learn it from; it is 2 to 10 on real sets


class Prototype(FitsWithContext, LinearLogitsHead):
    """Predict the class with the nearest mean. One label per class is enough.

    Each dimension of the embeddings is scaled, and then each embedding is scaled to length 1. Distances are Mahalanobis
    distances with the covariance within classes. This covariance is shrunken towards a multiple of the identity
    (Friedman 1989, "Regularized discriminant analysis"). The mean of a few images has an error, which makes all
    distances to it larger. This part is subtracted from each squared distance. Otherwise, in 1,280 dimensions, no image
    would be near the mean of a small class.

    Two numbers are fitted so that each labelled image is predicted best from the other labelled images. One says how
    fast the probabilities fall with the distance. The other is the weight of the class frequencies. `rng` is not used.
    """

    name = "prototype"

    def __init__(self, shrinkage: float = 0.9) -> None:
        require_parameter("head 'prototype'", 0 < shrinkage <= 1, "above 0 and at most 1", shrinkage=shrinkage)
        self.shrinkage = shrinkage

    def fit_with_context(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, context: FitContext) -> None:
        """See the UsesFitContext contract; without `is_unseen` rows, the sharpness is at most DEFAULT_SHARPNESS."""
        self._fit(x, y, classes, context.is_unseen_by_backbone, np.ones(len(y), np.float32))

    def fit_weighted(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, weights: Floats) -> None:
        """See the TakesWeights contract. To fit the sharpness, an example is left out with its whole weight."""
        self._fit(x, y, classes, FitContext.unknown(len(y)).is_unseen_by_backbone, weights)

    @limit_to_one_thread()
    def _fit(self, x: Floats, y: Ints, classes: int, is_unseen: Bools, weights: Floats) -> None:
        scaled, mean, scale, present, target = scale_examples(x, y, weights)
        rows = unit_vectors(scaled)
        weight, bias, _ = fit_prototypes(rows, target, self.shrinkage, rows.shape[1], is_unseen, weights)
        weight, bias = expand_layer_to_all_classes(weight, bias, present, classes)
        self._state = {"mean": mean, "scale": scale, "weight": weight, "bias": bias}

    def scale_features(self, x: Floats) -> Floats:
        """Return `x` (n, D), scaled in the same way as the examples, and then to length 1."""
        return unit_vectors(super().scale_features(x))

    def logits_module(self) -> nn.Module:
        from torch.nn import Sequential

        from alframe.heads.torch_modules import ToUnitVectors, linear_layer

        s = self._state
        return Sequential(ToUnitVectors(s["mean"], s["scale"]), linear_layer(s["weight"], s["bias"]))


@dataclass(frozen=True, slots=True)
class Falloff:
    """The decrease of logits with the squared distance to a class mean: `sharpness` per unit.

    The squared distance to a mean of n images is too large by `mean_noise` / n, because this mean is not exact.
    `prior_weight` is the weight of the class frequencies.
    """

    sharpness: float
    prior_weight: float
    mean_noise: float


def fit_prototypes(
    rows: Floats, y: Ints, shrinkage: float, dim: int, is_unseen: Bools, weights: Floats, falloff: Falloff | None = None
) -> tuple[Floats, Floats, Falloff]:
    """Return the weight (P, r) and bias (P,) of the logits of rows like `rows` (m, r), which have length 1.

    The rows are r coordinates of `dim` features. `is_unseen` (m,) is as in FitContext, and each row counts `weights`
    (m,) times. The falloff is returned too. If it is given from similar rows, this saves most of the time.
    """
    from scipy.linalg import solve_triangular

    means, counts = class_means_and_counts(rows, y, weights)
    residuals = (rows - means[y]) * np.sqrt(weights)[:, None]
    covariance_weight = (1 - shrinkage) * dim / (np.square(residuals).sum() or np.inf)
    # Multiplied by the inverse of this, rows have Euclidean distances that are the Mahalanobis distances before.
    factor = _covariance_factor(residuals, shrinkage, covariance_weight)
    white_means = _whiten(means, factor)
    if falloff is None:
        falloff = _fit_falloff(_whiten(rows, factor), white_means, y, weights, covariance_weight, is_unseen)
    weight = solve_triangular(
        factor, 2 * falloff.sharpness * white_means.T, lower=True, trans="T", check_finite=False
    ).T
    lengths = np.square(white_means).sum(axis=1) - falloff.mean_noise / counts
    bias = falloff.prior_weight * np.log(counts / weights.sum()) - falloff.sharpness * lengths
    return np.asarray(weight, np.float32), bias, falloff


def _covariance_factor(residuals: Floats, shrinkage: float, covariance_weight: float) -> Floats:
    """Return the Cholesky factor (D, D) of the shrunken covariance, in units of the mean variance.

    `residuals` (m, D) are the examples minus their class means, times the roots of their weights. `covariance_weight`
    multiplies their products.
    """
    from scipy.linalg import cholesky

    dim = residuals.shape[1]
    if covariance_weight == 0:
        return np.eye(dim, dtype=np.float32)
    covariance = covariance_weight * (residuals.T @ residuals)
    covariance.flat[:: dim + 1] += shrinkage  # symmetric, and its transpose is in the order that needs no copy
    return np.asarray(cholesky(covariance.T, lower=True, overwrite_a=True, check_finite=False))


def _whiten(rows: Floats, factor: Floats) -> Floats:
    """Return `rows` (n, D) multiplied by the inverse of the `factor` (D, D)."""
    from scipy.linalg import solve_triangular

    return np.asarray(solve_triangular(factor, rows.T, lower=True, check_finite=False).T)


def _fit_falloff(
    x: Floats, means: Floats, y: Ints, weights: Floats, covariance_weight: float, is_unseen: Bools
) -> Falloff:
    """Return the falloff that predicts the `is_unseen` (m,) rows best, from whitened `x` (m, D) and `means` (P, D).

    If there are no such rows, the other rows only limit the sharpness from above.
    """
    has_others = np.bincount(y)[y] > 1
    has_unseen = bool((has_others & is_unseen).any())
    kept = np.flatnonzero(has_others & is_unseen if has_unseen else has_others)
    if not len(kept):
        return Falloff(DEFAULT_SHARPNESS, 0.0, 0.0)
    counts, left_out = np.asarray(np.bincount(y, weights), np.float64), weights[kept].astype(np.float64)
    squared = _leave_one_out_distances(x[kept], means, y[kept], left_out, counts, covariance_weight)
    own = counts[y[kept]]
    others = counts - np.eye(len(counts))[y[kept]] * left_out[:, None]  # (q, P) class sizes without the example itself
    noise = float(np.average(squared[np.arange(len(kept)), y[kept]] * (own - left_out) / own, weights=left_out))
    shares = others / (weights.sum() - left_out)[:, None]
    sharpness, share = _fit_logit_factors(squared - noise / others, np.log(shares), y[kept], left_out)
    return Falloff(sharpness if has_unseen else min(sharpness, DEFAULT_SHARPNESS), share, noise)


def _leave_one_out_distances(
    x: Floats, means: Floats, y: Ints, weights: Floats64, counts: Floats64, covariance_weight: float
) -> Floats64:
    """Return squared distances (q, P) of labelled rows to the class means, as if the row had no label.

    `weights` (q,) are the weights of the rows, `counts` (P,) the weights of the classes. Without a row, the mean of its
    class changes, and the covariance loses a rank-one term (Sherman and Morrison 1950).
    """
    residuals = (x - means[y]).astype(np.float64)
    sizes = np.square(residuals).sum(axis=1)
    factor = counts[y] / (counts[y] - weights)
    lost = covariance_weight * weights * factor
    remaining = 1 - lost * sizes
    squared = np.square(x).sum(axis=1)[:, None] - 2 * x @ means.T + np.square(means).sum(axis=1)
    along_residual = np.einsum("qd,qd->q", residuals, x)[:, None] - residuals @ means.T
    squared = squared + (lost / remaining)[:, None] * along_residual**2
    squared[np.arange(len(x)), y] = factor**2 * sizes / remaining
    return np.asarray(squared)


def _fit_logit_factors(squared: Floats64, log_shares: Floats64, y: Ints, weights: Floats64) -> tuple[float, float]:
    """Return the a >= 0 and 0 <= b <= 1 with which softmax(-a squared + b log_shares) predicts `y` (q,) best.

    `squared` and `log_shares` are (q, P); each row counts `weights` (q,) times. One row without information is added to
    the cross-entropy of all rows. This avoids overconfidence with few labels.
    """
    from scipy.optimize import minimize

    q, classes = squared.shape
    mean_squared = float(np.abs(squared).mean()) or 1.0
    relative = squared / mean_squared
    target = np.eye(classes)[y] * weights[:, None] + 1 / (q * classes)
    usual = 1 + 1 / q  # the sum of a row of the target, if it counts once
    relative_totals = (weights + 1 / q) / usual

    def loss(ab: Floats64) -> tuple[float, Floats64]:
        logits = ab[1] * log_shares - ab[0] * relative
        logits -= logits.max(axis=1, keepdims=True)
        powers = np.exp(logits)
        sums = powers.sum(axis=1, keepdims=True)
        error = powers * (usual * relative_totals[:, None] / sums) - target
        value = usual * (relative_totals[:, None] * np.log(sums)).sum() - np.vdot(target, logits)
        return value, np.array([-np.vdot(error, relative), np.vdot(error, log_shares)])

    fitted = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0, None), (0, 1)])
    return fitted.x[0] / mean_squared, fitted.x[1]
