"""Fit the weights of several models and the sharpness of their probabilities, on images that they have not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from alframe.kit.folds import stratified_folds
from alframe.types import Bools, Floats64, Ints

MIN_HELD_OUT_LABELS = (
    200  # labels that are predicted to measure, at least, where there are as many: more change hardly anything
)
FOLD_TOLERANCE = 3e-4  # of fits that are only measured; see GRADIENT_TOLERANCE of the head `linear`
MAX_LOG_SHARPNESS = 4.0  # natural logarithm, of the factor of the logits
MAX_FALLOFF = 4.0  # of that logarithm, per mean distance
FACTOR_PENALTY = 3.0  # nats, summed over images


def split_folds_unseen_by_backbone(
    y: Ints, is_unseen: Bools, groups: Ints, folds: int, rng: np.random.Generator
) -> list[Ints]:
    """Return the rows of folds of the `is_unseen` (m,) that cut no `groups` (m,) and have similar class shares.

    `y` (m,) are the classes. There are fewer folds than `folds` if some would have too few rows, and none if nothing
    can be measured.
    """
    rows = np.flatnonzero(is_unseen)
    _, first, numbers = np.unique(groups[rows], return_index=True, return_inverse=True)
    kinds = y[rows][first]  # a group has mostly one class; StratifiedGroupKFold takes as long as all fits together
    folds = min(folds, int(np.bincount(kinds).max(initial=0)))
    if folds < 2 or len(np.unique(y[rows])) < 2:
        return []
    tests = [rows[np.isin(numbers, test)] for test in stratified_folds(kinds, folds, int(rng.integers(2**31)))]
    return tests[: -(-MIN_HELD_OUT_LABELS * folds // len(rows))]


def fit_model_factors(logits: Floats64, y: Ints, weights: Floats64) -> Floats64:
    """Return the factors (2,), at least 0, with which the sum of the `logits` (2, q, P) predicts `y` (q,) best.

    The loss is the cross-entropy, in which images count by `weights` (q,). A logit of minus infinity means a class that
    the models did not know. A few images cannot show which model is better, so a penalty pulls the two factors
    together. It is FACTOR_PENALTY if one factor is 0.
    """

    def combine(parameters: Floats64, finite_logits: Floats64) -> tuple[Floats64, Floats64]:
        share, scale = parameters[0], np.exp(parameters[1])
        scaled = scale * ((1 - share) * finite_logits[0] + share * finite_logits[1])
        return scaled, np.stack([scale * (finite_logits[1] - finite_logits[0]), scaled])

    def penalise(parameters: Floats64) -> tuple[float, Floats64]:
        lead = 2 * parameters[0] - 1
        return FACTOR_PENALTY * lead**2, np.array([4 * FACTOR_PENALTY * lead, 0.0])

    bounds = [(0, 1), (-MAX_LOG_SHARPNESS, MAX_LOG_SHARPNESS)]
    share, log_scale = _minimise_log_loss(logits, y, weights, combine, np.array([0.5, 0.0]), bounds, penalise)
    return np.asarray(np.exp(log_scale) * np.array([1 - share, share]))


def fit_sharpness(
    logits: Floats64, distances: Floats64, y: Ints, weights: Floats64, with_falloff: bool
) -> tuple[float, float]:
    """Return a and b >= 0, so that `logits` (q, P) times exp(a - b `distances` (q,)) predict `y` (q,) best.

    A class of -1 means a class that the models did not know. For such an image, the loss is smallest if all classes
    have the same probability. `weights` (q,) are as in `fit_model_factors`. Without `with_falloff`, b is 0, so images
    far from all examples are not less sure. Compare Tomani, Waseda, Shen and Cremers 2023, "Beyond in-domain scenarios:
    robust density-aware calibration".
    """
    mean_distance = float(distances.mean()) or 1.0
    relative = distances / mean_distance

    def combine(parameters: Floats64, finite_logits: Floats64) -> tuple[Floats64, Floats64]:
        scaled = np.exp(parameters[0] - parameters[1] * relative)[:, None] * finite_logits[0]
        return scaled, np.stack([scaled, -relative[:, None] * scaled])

    bounds = [(-MAX_LOG_SHARPNESS, MAX_LOG_SHARPNESS), (0, MAX_FALLOFF if with_falloff else 0)]
    a, b = _minimise_log_loss(logits[None], y, weights, combine, np.zeros(2), bounds)
    return float(a), float(b) / mean_distance


def balanced_weights(y: Ints, weights: Floats64, power: float = 1.0) -> Floats64:
    """Return `weights` (q,) divided by the sum of their class of `y` (q,) to this power, with the same total as before.

    With a power of 1 all classes have the same sum.
    """
    _, numbers = np.unique(y, return_inverse=True)
    balanced = weights / np.bincount(numbers, weights)[numbers] ** power
    return np.asarray(balanced * weights.sum() / balanced.sum())


def _minimise_log_loss(
    logits: Floats64,
    y: Ints,
    weights: Floats64,
    combine: Callable[[Floats64, Floats64], tuple[Floats64, Floats64]],
    start: Floats64,
    bounds: Sequence[tuple[float, float]],
    penalise: Callable[[Floats64], tuple[float, Floats64]] | None = None,
) -> Floats64:
    """Minimise the cross-entropy of the (q, P) that `combine` makes; it also returns their slopes (parameters, q, P).

    `penalise` returns a penalty, which is added, and its slopes (parameters,). One image without information is added
    too. This avoids certainty from a few images that are all predicted correctly.
    """
    from scipy.optimize import minimize

    known: Bools = np.isfinite(logits[0])
    finite_logits, barrier = np.where(known, logits, 0.0), np.where(known, 0.0, -np.inf)
    rows = np.arange(len(y))
    uniform = known / known.sum(axis=1, keepdims=True)
    has_class = y >= 0
    target = uniform / len(y)
    target[rows[has_class], y[has_class]] += weights[has_class]
    target[~has_class] += weights[~has_class, None] * uniform[~has_class]
    totals = target.sum(axis=1)

    def loss(parameters: Floats64) -> tuple[float, Floats64]:
        combined, slopes = combine(parameters, finite_logits)
        masked = combined + barrier
        top = masked.max(axis=1, keepdims=True)
        powers = np.exp(masked - top)  # by hand: SciPy's logsumexp takes half of the time of a fit with few labels
        sums = powers.sum(axis=1)
        error = powers * (totals / sums)[:, None] - target
        value = totals @ (top[:, 0] + np.log(sums)) - np.vdot(target, combined)
        slope = np.tensordot(slopes, error, 2)
        if penalise is None:
            return float(value), slope
        more, more_slope = penalise(parameters)
        return float(value + more), slope + more_slope

    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x)
