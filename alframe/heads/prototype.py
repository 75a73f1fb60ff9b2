"""The nearest class mean, along what varies within classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.special import logsumexp

from alframe.errors import BadParams, UnmetNeed
from alframe.heads.fitting import class_means, prepare, softmax, spread
from alframe.kit.chunks import chunks
from alframe.kit.vectors import unit_vectors
from alframe.types import Floats, Ints

Floats64 = npt.NDArray[np.float64]

SHARPNESS = 4.0  # of the probabilities, where no class has two examples to learn it from (real sets: 2 to 10)


class Prototype:
    """An image is likely to be of the class whose mean it is near; nothing is trained, so a label each is enough.

    Embeddings are scaled and brought to length 1. Distances are Mahalanobis distances with the covariance within
    classes, shrunken towards a multiple of the identity by `shrinkage` (Friedman 1989, "Regularized discriminant
    analysis"); 1 gives plain Euclidean ones (nearest class mean; Snell, Swersky and Zemel 2017, "Prototypical
    networks"). From each squared distance the part is taken off that the mean of few images adds by its own error:
    in 1,280 dimensions no image would ever be near the mean of a small class otherwise. How fast the probabilities
    fall with the distance, and how much the classes' shares among the labels count, is what predicts each labelled
    image best by all the others. `rng` plays no part. Raises BadParams for a `shrinkage` outside 0..1, or of 0.
    """

    stochastic = False

    def __init__(self, shrinkage: float = 0.9) -> None:
        if not 0 < shrinkage <= 1:
            raise BadParams(f"head 'prototype' needs 0 < shrinkage <= 1, and was given shrinkage={shrinkage}.")
        self.shrinkage = shrinkage
        self._state: dict[str, npt.NDArray[Any]] = {}

    def fit(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator) -> None:
        """See the Head contract."""
        scaled, mean, scale, present, target = prepare(x, y)
        rows = unit_vectors(scaled)
        means, counts = class_means(rows, target)
        residuals = rows - means[target]
        part = (1 - self.shrinkage) * rows.shape[1] / (np.square(residuals).sum() or np.inf)
        # Multiplied by this, rows have distances that need no covariance any more.
        whiten = _whitening(residuals, self.shrinkage, part)
        weight, bias = _fit_probs(rows @ whiten, means @ whiten, target, counts, part)
        weight, bias = spread(weight @ whiten.T, bias, present, classes)
        self._state = {"mean": mean, "scale": scale, "weight": weight, "bias": bias}

    def probs(self, x: Floats) -> Floats:
        """See the Head contract; `x` may be memory-mapped."""
        s = self._state
        out = np.empty((len(x), len(s["bias"])), np.float32)
        for rows in chunks(len(x)):
            scaled = unit_vectors((np.asarray(x[rows], np.float32) - s["mean"]) / s["scale"])
            out[rows] = softmax(scaled @ s["weight"].T + s["bias"])  # of the distances, less what is the same for all
        return out

    def prob_samples(self, x: Floats, draws: int, rng: np.random.Generator) -> Floats:
        """Raises UnmetNeed: this head has one answer only."""
        raise UnmetNeed(
            "head 'prototype' cannot draw samples of its probabilities. Choose a stochastic one: head=laplace."
        )

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """`mean` (D,), `scale` (D,), `weight` (C, D), `bias` (C,)."""
        return dict(self._state)

    def load(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """See the Head contract."""
        self._state = dict(state)


def _whitening(residuals: Floats, shrinkage: float, part: float) -> Floats:
    # (D, D) W with W W' the inverse of the shrunken covariance, whose unit is the variance of an average feature.
    dim = residuals.shape[1]
    if part == 0:
        return np.eye(dim, dtype=np.float32)
    covariance = part * (residuals.T @ residuals)
    covariance.flat[:: dim + 1] += shrinkage
    return np.asarray(solve_triangular(cholesky(covariance, lower=True), np.eye(dim, dtype=np.float32), lower=True).T)


def _fit_probs(x: Floats, means: Floats, y: Ints, counts: Ints, part: float) -> tuple[Floats, Floats]:
    # Weight (P, D) and bias (P,) of the logits of whitened rows.
    kept = np.flatnonzero(counts[y] > 1)
    squares = _left_out(x[kept], means, y[kept], counts, part)
    own = counts[y[kept]]
    others = counts - np.eye(len(counts), dtype=np.int64)[y[kept]]  # (q, P) class sizes without the example itself
    if len(kept):
        noise = float((squares[np.arange(len(kept)), y[kept]] * (own - 1) / own).mean())
        sharpness, share = _sharpness(squares - noise / others, np.log(others / (len(y) - 1)), y[kept])
    else:
        noise, sharpness, share = 0.0, SHARPNESS, 0.0
    bias = share * np.log(counts / len(y)) - sharpness * (np.square(means).sum(axis=1) - noise / counts)
    return 2 * sharpness * means, bias


def _left_out(x: Floats, means: Floats, y: Ints, counts: Ints, part: float) -> Floats64:
    # (q, P) squared distances of labelled rows to the class means, had each been left out of its class mean and of the
    # covariance, which loses a rank-one term (Sherman and Morrison 1950).
    residuals = (x - means[y]).astype(np.float64)
    sizes = np.square(residuals).sum(axis=1)
    more = counts[y] / (counts[y] - 1)
    lost = 1 - part * more * sizes
    squares = np.square(x).sum(axis=1)[:, None] - 2 * x @ means.T + np.square(means).sum(axis=1)
    across = np.einsum("qd,qd->q", residuals, x)[:, None] - residuals @ means.T
    squares = squares + (part * more / lost)[:, None] * across**2
    squares[np.arange(len(x)), y] = more**2 * sizes / lost
    return np.asarray(squares)


def _sharpness(squares: Floats64, shares: Floats64, y: Ints) -> tuple[float, float]:
    # The a >= 0 and 0 <= b <= 1 with which softmax(-a squares + b shares) predicts `y` (q,) best. To the cross-entropy
    # of all the rows that of one is added whose label means nothing: no few labels show that nothing can go wrong.
    q, classes = squares.shape
    unit_vectors = float(np.abs(squares).mean()) or 1.0
    wanted = np.eye(classes)[y] + 1 / (q * classes)

    def loss(ab: Floats64) -> tuple[float, Floats64]:
        logits = -ab[0] * squares / unit_vectors + ab[1] * shares
        total = logsumexp(logits, axis=1)
        gap = np.exp(logits - total[:, None]) * (1 + 1 / q) - wanted
        value = (1 + 1 / q) * total.sum() - (wanted * logits).sum()
        return value, np.array([-(gap * squares).sum() / unit_vectors, (gap * shares).sum()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0, None), (0, 1)])
    return found.x[0] / unit_vectors, found.x[1]
