"""Logistic regression with a Gaussian around its weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from alframe.errors import BadParams
from alframe.heads.fitting import prepare, softmax, spread
from alframe.heads.linear import solve
from alframe.kit.chunks import chunks
from alframe.types import Floats, Ints


class Laplace:
    """The head `linear`, and draws of its weights from the Laplace approximation of their posterior.

    MacKay 1992, "The evidence framework applied to classification networks"; Daxberger et al. 2021, "Laplace redux".
    The Hessian of the cross-entropy, (C D) x (C D), is taken as the Kronecker product of A (D, D), the examples' second
    moments weighted by their doubt, and B (C, C), their mean covariance of the classes; with two classes that is exact.
    To it the precision of the prior is added. `probs` are those of the most likely weights, as in `linear`. The draws
    have a prior of their own (as is usual, "post hoc"): that of `c` would drown everything in doubt with few labels.
    `doubt` is the standard deviation it gives the logits of an image like those labelled, before any label. Raises
    BadParams for a value that is not positive.
    """

    stochastic = True

    def __init__(self, c: float = 0.1, doubt: float = 0.5, max_iter: int = 1000) -> None:
        if c <= 0 or doubt <= 0 or max_iter <= 0:
            raise BadParams(
                f"head 'laplace' needs c > 0, doubt > 0 and max_iter > 0, and was given c={c}, doubt={doubt}, "
                f"max_iter={max_iter}."
            )
        self.c = c
        self.doubt = doubt
        self.max_iter = max_iter
        self._state: dict[str, npt.NDArray[Any]] = {}

    def fit(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator) -> None:
        """See the Head contract."""
        scaled, mean, scale, present, target = prepare(x, y)
        weight, bias = solve(scaled, target, self.c, self.max_iter, "laplace")
        probs = softmax(np.asarray(scaled @ weight.T + bias, np.float32))
        precision = np.square(scaled).sum(axis=1).mean() / self.doubt**2 or 1.0
        axes, shrink, mix = _posterior(scaled, probs, float(precision))
        weight, bias = spread(weight, bias, present, classes)
        self._state = {"mean": mean, "scale": scale, "weight": weight, "bias": bias, "present": present}
        self._state |= {"axes": axes, "shrink": shrink, "mix": mix, "precision": np.array([precision], np.float32)}

    def probs(self, x: Floats) -> Floats:
        """See the Head contract; `x` may be memory-mapped."""
        s = self._state
        out = np.empty((len(x), len(s["bias"])), np.float32)
        for rows in chunks(len(x)):
            out[rows] = softmax(self._scaled(x[rows]) @ s["weight"].T + s["bias"])
        return out

    def prob_samples(self, x: Floats, draws: int, rng: np.random.Generator) -> Floats:
        """See the Head contract: each draw is a matrix of weights."""
        s = self._state
        out = np.zeros((draws, len(x), len(s["bias"])), np.float32)
        weights = s["weight"][s["present"]] + self._noise(draws, rng)  # (T, P, D)
        for rows in chunks(len(x), bytes_per_row=weights[:, :, 0].nbytes):  # of the logits of all draws
            scaled = self._scaled(x[rows])
            for draw, weight in enumerate(weights):
                out[draw, rows, s["present"]] = softmax(scaled @ weight.T + s["bias"][s["present"]]).T
        return out

    def _noise(self, draws: int, rng: np.random.Generator) -> Floats:
        # (T, P, D) from the Gaussian: white noise, made shorter along the axes that examples have said something about.
        s = self._state
        noise = rng.standard_normal((draws, len(s["present"]), len(s["mean"])), np.float32)
        noise += (noise @ s["axes"].T * s["shrink"]) @ s["axes"]
        return np.asarray(s["mix"] @ noise / np.sqrt(s["precision"]))

    def _scaled(self, x: Floats) -> Floats:
        return np.asarray((np.asarray(x, np.float32) - self._state["mean"]) / self._state["scale"])

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """`mean` (D,), `scale` (D,), `weight` (C, D), `bias` (C,), and the Gaussian of the P classes `present`.

        Its `axes` (r, D), how much draws `shrink` (P, r) along each, the `mix` (P, P) of classes and the `precision`.
        """
        return dict(self._state)

    def load(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """See the Head contract."""
        self._state = dict(state)


def _posterior(x: Floats, probs: Floats, precision: float) -> tuple[Floats, Floats, Floats]:
    doubt = (probs * (1 - probs)).sum(axis=1)  # (m,) of each example: the trace of its covariance of the classes
    between = (np.diag(probs.sum(axis=0)) - probs.T @ probs) / max(float(doubt.sum()), 1e-12)
    weighted = x * np.sqrt(doubt)[:, None]
    # The eigenvectors of the smaller of the two products give those of the other.
    if len(x) < x.shape[1]:
        values, vectors = np.linalg.eigh(weighted @ weighted.T)
        kept = values > 1e-6 * max(values[-1], 1e-12)
        values, axes = values[kept], (weighted.T @ vectors[:, kept] / np.sqrt(values[kept])).T
    else:
        values, vectors = np.linalg.eigh(weighted.T @ weighted)
        values, axes = np.maximum(values, 0), vectors.T
    shares, mix = np.linalg.eigh(between)
    shrink = 1 / np.sqrt(np.outer(np.maximum(shares, 0), values) / precision + 1) - 1
    found = [np.ascontiguousarray(part, np.float32) for part in (axes, shrink, mix)]
    return found[0], found[1], found[2]
