"""Multinomial logistic regression on scaled embeddings."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from alframe.errors import BadParams, UnmetNeed
from alframe.heads.fitting import ROWS, prepare, softmax, spread
from alframe.types import Floats, Ints

log = logging.getLogger(__name__)

CONSTANT = 3.0  # the feature whose weight is the intercept: by it the penalty on the weights covers the intercept too


class Linear:
    """A linear probe with an L2 penalty, fitted to the optimum by scikit-learn's LBFGS.

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
        for start in range(0, len(x), ROWS):
            rows = slice(start, start + ROWS)
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
    model = LogisticRegression(C=c, max_iter=max_iter, fit_intercept=False)
    # LBFGS makes thousands of small BLAS calls: with more than one thread each spends its time waiting
    # (measured on 2 cores, 200 to 2,000 examples of 1,280 features: 2 to 10 times slower).
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said below, in the words of this head's parameters
        model.fit(np.column_stack([x, np.full(len(x), CONSTANT)]).astype(np.float64), y)
    if model.n_iter_.max() >= max_iter:
        log.warning(
            "Head '%s' stopped short of its optimum after head.max_iter=%d steps; raise it or lower head.c=%g.",
            name,
            max_iter,
            c,
        )
    weight = model.coef_
    if len(weight) == 1:  # for two classes scikit-learn gives the second one's logit only
        weight = np.vstack([np.zeros_like(weight), weight])
    return weight[:, :-1], CONSTANT * weight[:, -1]
