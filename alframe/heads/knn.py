"""Votes of the nearest labelled images."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from alframe.errors import BadParams, UnmetNeed
from alframe.heads.fitting import prepare
from alframe.kit.chunks import chunks
from alframe.kit.libraries import import_faiss
from alframe.kit.vectors import unit_vectors
from alframe.types import Floats, Ints

WIDEST, NARROWEST = -2.0, 7.0  # natural logarithms of how fast votes may fall, per mean squared distance


class Knn:
    """The `k` nearest labelled images vote (Fix and Hodges 1951), the nearer the more (Dudani 1976), found by FAISS.

    Embeddings are scaled and brought to length 1, so distances are those of cosines. The nearest has one vote, one
    whose squared distance is larger by d has exp(-s d) votes; `smoothing` more are shared by all classes of which there
    are examples, whatever the image. s is the one that predicts each labelled image best by all the others. `rng` plays
    no part. Raises BadParams for a `k` below 1 or a `smoothing` that is not positive: a probability of 0 for all that
    is not near would be too sure.
    """

    stochastic = False

    def __init__(self, k: int = 10, smoothing: float = 0.1) -> None:
        if k < 1 or smoothing <= 0:
            raise BadParams(f"head 'knn' needs k >= 1 and smoothing > 0, and was given k={k}, smoothing={smoothing}.")
        self.k = k
        self.smoothing = smoothing
        self._state: dict[str, npt.NDArray[Any]] = {}

    def fit(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator) -> None:
        """See the Head contract."""
        scaled, mean, scale, present, target = prepare(x, y)
        rows = unit_vectors(scaled)
        self._state = {"mean": mean, "scale": scale, "rows": rows, "target": target, "present": present}
        self._state |= {"classes": np.array([classes]), "slope": np.array([self._slope(rows, target)], np.float32)}

    def _slope(self, rows: Floats, y: Ints) -> float:
        squares, found = _search(rows, rows, self.k + 1)
        itself = found == np.arange(len(rows))[:, None]
        itself[~itself.any(axis=1), -1] = True  # more copies of it than neighbours were asked for: drop any
        squares, found = (part[~itself].reshape(len(rows), -1) for part in (squares, found))
        others = np.bincount(y)[y] > 1  # nobody could vote for the only example of a class
        if not others.any() or not squares[others].any():
            return 1.0
        unit_of = float(squares[others].mean())

        def loss(log: float) -> float:
            probs = self._vote(squares[others], y[found[others]], y.max() + 1, np.exp(log) / unit_of)
            return float(-np.log(probs[np.arange(len(probs)), y[others]]).mean())

        found_at = minimize_scalar(loss, bounds=(WIDEST, NARROWEST), method="bounded")
        return float(np.exp(found_at.x) / unit_of)

    def _vote(self, squares: Floats, labels: Ints, classes: int, slope: float) -> npt.NDArray[np.float64]:
        # (n, P) of `squares` (n, k), nearest first, and their `labels` (n, k) in 0..P-1.
        votes = np.exp(-slope * (squares - squares[:, :1]).astype(np.float64))
        places = np.arange(len(squares))[:, None] * classes + labels
        counts = np.bincount(places.ravel(), votes.ravel(), len(squares) * classes).reshape(-1, classes)
        return np.asarray((counts + self.smoothing / classes) / (votes.sum(axis=1, keepdims=True) + self.smoothing))

    def probs(self, x: Floats) -> Floats:
        """See the Head contract; `x` may be memory-mapped."""
        s = self._state
        out = np.zeros((len(x), s["classes"].item()), np.float32)
        for part in chunks(len(x)):
            rows = unit_vectors((np.asarray(x[part], np.float32) - s["mean"]) / s["scale"])
            squares, found = _search(s["rows"], rows, self.k)
            out[part, s["present"]] = self._vote(squares, s["target"][found], len(s["present"]), s["slope"].item())
        return out

    def prob_samples(self, x: Floats, draws: int, rng: np.random.Generator) -> Floats:
        """Raises UnmetNeed: this head has one answer only."""
        raise UnmetNeed("head 'knn' cannot draw samples of its probabilities. Choose a stochastic one: head=laplace.")

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """`mean` (D,), `scale` (D,), the labelled `rows` (m, D), their `target` (m,) in `present` (P,), and numbers."""
        return dict(self._state)

    def load(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """See the Head contract."""
        self._state = dict(state)


def _search(rows: Floats, x: Floats, count: int) -> tuple[Floats, Ints]:
    # Squared distances (n, k) of `x` (n, D) to the nearest of `rows` (m, D), and which these are; exact.
    index = import_faiss().IndexFlatL2(rows.shape[1])
    index.add(np.ascontiguousarray(rows))
    squares, found = index.search(np.ascontiguousarray(x), min(count, len(rows)))
    return np.maximum(squares, 0), found
