"""Multinomial logistic regression on scaled embeddings."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from alframe.errors import BadParams, UnmetNeed
from alframe.heads.fitting import prepare, softmax, spread
from alframe.kit.chunks import chunks
from alframe.types import Floats, Ints

log = logging.getLogger(__name__)

Floats64 = npt.NDArray[np.float64]

TOLERANCE = 1e-4  # of the largest slope of the mean cross-entropy (nats): scikit-learn's
ROUNDING = 64 * float(np.finfo(np.float64).eps)  # of the loss: a step that gains less gains nothing
CONSTANT = 3.0  # the feature whose weight is the intercept: by it the penalty on the weights covers the intercept too


class Linear:
    """A linear probe with an L2 penalty, fitted to the optimum by L-BFGS in float32.

    `c` is the inverse strength of the penalty. The intercept is penalised as well, so that the classes' shares among a
    few labels, chosen by a sampler, do not pass for their shares in the pool. The fit is convex, so `rng` plays no
    part. Raises BadParams for a `c` or `max_iter` that is not positive.
    """

    stochastic = False

    def __init__(self, c: float = 0.1, max_iter: int = 1000) -> None:
        if c <= 0 or max_iter <= 0:
            raise BadParams(f"head 'linear' needs c > 0 and max_iter > 0, and was given c={c}, max_iter={max_iter}.")
        self.c = c
        self.max_iter = max_iter
        self._state: dict[str, npt.NDArray[Any]] = {}

    def fit(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator) -> None:
        """See the Head contract."""
        scaled, mean, scale, present, target = prepare(x, y)
        weight, bias = solve(scaled, target, self.c, self.max_iter, "linear")
        weight, bias = spread(weight, bias, present, classes)
        self._state = {"mean": mean, "scale": scale, "weight": weight, "bias": bias}

    def probs(self, x: Floats) -> Floats:
        """See the Head contract; `x` may be memory-mapped."""
        s = self._state
        out = np.empty((len(x), len(s["bias"])), np.float32)
        for rows in chunks(len(x)):
            out[rows] = softmax((np.asarray(x[rows], np.float32) - s["mean"]) / s["scale"] @ s["weight"].T + s["bias"])
        return out

    def prob_samples(self, x: Floats, draws: int, rng: np.random.Generator) -> Floats:
        """Raises UnmetNeed: this head has one answer only."""
        raise UnmetNeed(
            "head 'linear' cannot draw samples of its probabilities. Choose a stochastic one: head=laplace."
        )

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """`mean` (D,), `scale` (D,), `weight` (C, D), `bias` (C,)."""
        return dict(self._state)

    def load(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """See the Head contract."""
        self._state = dict(state)


def solve(x: Floats, y: Ints, c: float, max_iter: int, name: str) -> tuple[Floats, Floats]:
    """Weights (P, D) and intercepts (P,) of the penalised regression of `y` (m,) in 0..P-1 on scaled `x` (m, D).

    `name` is the head's, for the warning that it stopped short of its optimum.
    """
    if not y.any():  # one class only: whatever the image, that class
        return np.zeros((1, x.shape[1]), np.float32), np.zeros(1, np.float32)
    m, features = len(x), np.column_stack([x, np.full(len(x), CONSTANT)]).astype(np.float32)
    # Two classes have one vector of weights, the second one's; the first one's is 0.
    truth = np.eye(y.max() + 1, dtype=np.float32)[y]
    free = slice(1, 2) if truth.shape[1] == 2 else slice(None)
    shape = truth[:, free].shape[1], features.shape[1]

    def loss(flat: Floats64) -> tuple[float, Floats64]:
        logits = np.zeros_like(truth)
        logits[:, free] = features @ flat.reshape(shape).T.astype(np.float32)
        logits -= logits.max(axis=1, keepdims=True)
        powers = np.exp(logits)
        sums = powers.sum(axis=1, keepdims=True)
        value = np.log(sums[:, 0]).mean(dtype=np.float64) - logits[truth > 0].mean(dtype=np.float64)
        slope = ((powers / sums - truth)[:, free].T @ features).astype(np.float64).ravel()
        return value + flat @ flat / (2 * c * m), (slope + flat / c) / m

    # Always from the same start, never from the last round's weights: a resumed run must choose as one that was not
    # (docs/adr/0011-heads-start-from-nothing.md).
    # Hundreds of small BLAS calls: with more than one thread each spends its time waiting.
    with threadpool_limits(1):
        options = {"maxiter": max_iter, "gtol": TOLERANCE, "ftol": ROUNDING, "maxls": 50}
        found = minimize(loss, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B", options=options)
    if found.nit >= max_iter:
        log.warning(
            "Head '%s' stopped short of its optimum after head.max_iter=%d steps; raise it or lower head.c=%g.",
            name,
            max_iter,
            c,
        )
    weight = found.x.reshape(shape).astype(np.float32)
    if len(weight) == 1:
        weight = np.vstack([np.zeros_like(weight), weight])
    return weight[:, :-1], CONSTANT * weight[:, -1]
