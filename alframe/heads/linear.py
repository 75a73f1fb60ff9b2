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


class Linear:
    """A linear probe with an L2 penalty, fitted to the optimum by scikit-learn's LBFGS.

    `c` is the inverse strength of the penalty. The fit is convex, so `rng` plays no part. Raises BadParams for a `c` or
    `max_iter` that is not positive.
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
        weight, bias = self._solve(scaled, target) if len(present) > 1 else _constant(scaled.shape[1])
        weight, bias = spread(weight, bias, present, classes)
        self._state = {"mean": mean, "scale": scale, "weight": weight, "bias": bias}

    def _solve(self, x: Floats, y: Ints) -> tuple[Floats, Floats]:
        model = LogisticRegression(C=self.c, max_iter=self.max_iter)
        # LBFGS makes thousands of small BLAS calls: with more than one thread each spends its time waiting
        # (measured on 2 cores, 200 to 2,000 examples of 1,280 features: 2 to 10 times slower).
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # said below, in the words of this head's parameters
            model.fit(x.astype(np.float64), y)
        if model.n_iter_.max() >= self.max_iter:
            log.warning(
                "Head 'linear' stopped short of its optimum after head.max_iter=%d steps; raise it or lower head.c=%g.",
                self.max_iter,
                self.c,
            )
        weight, bias = model.coef_, model.intercept_
        if len(weight) == 1:  # for two classes scikit-learn gives the second one's logit only
            weight, bias = np.vstack([np.zeros_like(weight), weight]), np.concatenate([[0.0], bias])
        return weight, bias

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
        raise UnmetNeed("head 'linear' cannot draw samples of its probabilities. Choose a stochastic one: head=mlp.")

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """`mean` (D,), `scale` (D,), `weight` (C, D), `bias` (C,)."""
        return dict(self._state)

    def load(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """See the Head contract."""
        self._state = dict(state)


def _constant(dim: int) -> tuple[Floats, Floats]:
    # One class only: whatever the image, that class.
    return np.zeros((1, dim), np.float32), np.zeros(1, np.float32)
