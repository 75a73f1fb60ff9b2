"""The head `laplace`: logistic regression with a normal distribution around its weights."""

from __future__ import annotations

import numpy as np

from alframe.heads.fitting import LinearLogitsHead, expand_layer_to_all_classes, scale_examples, softmax
from alframe.heads.linear import fit_logistic_regressions
from alframe.kit.chunks import row_slices
from alframe.kit.parameters import require_parameter
from alframe.types import Floats, Ints


class Laplace(LinearLogitsHead):
    """Predict as `linear` does, and draw samples of the weights from the Laplace approximation of their posterior.

    The probabilities are those of the most probable weights, as in `linear`. Each draw has other weights. They come
    from a normal distribution whose covariance is the inverse of the Hessian of the cross-entropy plus the precision of
    the prior. The Hessian, (C D) x (C D), is approximated by the Kronecker product of two matrices: A (D, D), the
    second moments of the labelled images, weighted by their uncertainty, and B (C, C), the mean covariance of the
    classes. With two classes, this is exact.

    The draws use another prior than the fit, as is usual ("post hoc"). The prior that belongs to `c` is far too wide
    for few labels. MacKay 1992, "The evidence framework applied to classification networks"; Daxberger et al. 2021,
    "Laplace redux".
    """

    name = "laplace"
    stochastic = True

    def __init__(self, c: float = 0.1, doubt: float = 0.5, max_iter: int = 1000) -> None:
        for name, value in {"c": c, "doubt": doubt, "max_iter": max_iter}.items():
            require_parameter("head 'laplace'", value > 0, "above 0", **{name: value})
        self.c, self.doubt, self.max_iter = c, doubt, max_iter

    def fit(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator) -> None:
        self.fit_weighted(x, y, classes, rng, np.ones(len(y), np.float32))

    def fit_weighted(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, weights: Floats) -> None:
        scaled, mean, scale, present, target = scale_examples(x, y, weights)
        targets = np.eye(len(present), dtype=np.float32)[target] * weights[:, None]
        (weight,), (bias,) = fit_logistic_regressions(scaled, targets[None], self.c, self.max_iter, "laplace")
        probs = softmax(np.asarray(scaled @ weight.T + bias, np.float32))
        precision = np.average(np.square(scaled).sum(axis=1), weights=weights) / self.doubt**2 or 1.0
        axes, shrink, mix = _posterior_factors(scaled, probs, weights, float(precision))
        weight, bias = expand_layer_to_all_classes(weight, bias, present, classes)
        self._state = {"mean": mean, "scale": scale, "weight": weight, "bias": bias, "present": present}
        self._state |= {"axes": axes, "shrink": shrink, "mix": mix, "precision": np.array([precision], np.float32)}

    def prob_samples(self, x: Floats, draws: int, rng: np.random.Generator) -> Floats:
        """See the Head contract: each draw is a matrix of weights."""
        s = self._state
        out = np.zeros((draws, len(x), len(s["bias"])), np.float32)
        weights = s["weight"][s["present"]] + self._weight_noise(draws, rng)  # (T, P, D)
        for rows in row_slices(len(x), bytes_per_row=weights[:, :, 0].nbytes):  # of the logits of all draws
            scaled = self.scale_features(x[rows])
            for draw, weight in enumerate(weights):
                out[draw, rows, s["present"]] = softmax(scaled @ weight.T + s["bias"][s["present"]]).T
        return out

    def _weight_noise(self, draws: int, rng: np.random.Generator) -> Floats:
        """Draw deviations (T, P, D) from the likeliest weights: white noise, shorter along the examples' axes."""
        s = self._state
        noise = rng.standard_normal((draws, len(s["present"]), len(s["mean"])), np.float32)
        noise += (noise @ s["axes"].T * s["shrink"]) @ s["axes"]
        return np.asarray(s["mix"] @ noise / np.sqrt(s["precision"]))


def _posterior_factors(x: Floats, probs: Floats, weights: Floats, precision: float) -> tuple[Floats, ...]:
    """Return `axes` (r, D), `shrink` (P, r) and `mix` (P, P), from scaled `x` (m, D) and fitted `probs` (m, P).

    Each example counts `weights` (m,) times.
    """
    uncertainty = weights * (probs * (1 - probs)).sum(axis=1)  # (m,) of each: the trace of its covariance of classes
    rooted = probs * np.sqrt(weights)[:, None]
    class_covariance = np.diag((weights[:, None] * probs).sum(axis=0)) - rooted.T @ rooted
    class_covariance /= max(float(uncertainty.sum()), 1e-12)
    weighted = x * np.sqrt(uncertainty)[:, None]
    # The eigenvectors of the smaller of the two products give those of the other.
    if len(x) < x.shape[1]:
        values, vectors = np.linalg.eigh(weighted @ weighted.T)
        kept = values > 1e-6 * max(values[-1], 1e-12)
        values, axes = values[kept], (weighted.T @ vectors[:, kept] / np.sqrt(values[kept])).T
    else:
        values, vectors = np.linalg.eigh(weighted.T @ weighted)
        values, axes = np.maximum(values, 0), vectors.T
    class_values, mix = np.linalg.eigh(class_covariance)
    shrink = 1 / np.sqrt(np.outer(np.maximum(class_values, 0), values) / precision + 1) - 1
    return tuple(np.ascontiguousarray(factor, np.float32) for factor in (axes, shrink, mix))
