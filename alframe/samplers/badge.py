"""Images whose gradients are large and unlike: doubt and variety at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from alframe.kit.scoring import require_finite, select_top_k
from alframe.samplers.distance_bounds import row_sums
from alframe.types import Floats, Ints, LazyFeatures, Need, PoolView, Selection

Doubles = npt.NDArray[np.float64]

CHUNK_ROWS = 2048  # of the pool at a time, in double precision
DRAWN = 16  # proposals at a time
MISSES = (
    50  # times that none is accepted; then most bounds are far too large, as after the choice of one of many copies
)
ROUNDING = 1e-12  # of the norms: a distance below it is none


class Badge:
    """k-means++ seeding on the gradients that the last layer would get if the likeliest class were right.

    Ash et al. 2020, "Deep batch active learning by diverse, uncertain gradient lower bounds": the first is the one of
    the largest gradient, as in their code, and each next is drawn in proportion to its squared distance to the nearest
    chosen one. A gradient is the outer product of the residual (C,) (probabilities less the likeliest class's 1) and
    the embedding (D,), so that the inner product of two is the product of theirs: the n x C D table is never made. No
    scores: each choice is a draw.
    """

    needs = frozenset({Need.FEATURES, Need.PROBS})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        k = min(k, len(view))
        if k <= 0:
            return Selection(view.keys[:0])
        require_finite(view.probs.sum(axis=1), "badge", "class probabilities")
        require_finite(row_sums(view.lazy_features), "badge", "embeddings")
        gradients = Gradients(view.probs, view.lazy_features)
        return Selection(view.keys[seeding(gradients, k, rng)])


class Gradients:
    """Squared lengths and distances of n gradients, from `probs` (n, C) and `x` (n, D), which may be memory-mapped."""

    def __init__(self, probs: Floats, x: Floats | LazyFeatures) -> None:
        self._probs, self._x = probs, x
        self._likeliest = probs.argmax(axis=1)
        self.lengths = np.empty(len(x), np.float64)
        for start in range(0, len(x), CHUNK_ROWS):
            rows = np.arange(start, min(start + CHUNK_ROWS, len(x)))
            residuals, features = self._factors(rows)
            self.lengths[rows] = np.einsum("ij,ij->i", residuals, residuals) * np.einsum("ij,ij->i", features, features)

    def _factors(self, rows: Ints) -> tuple[Doubles, Doubles]:
        residuals = self._probs[rows].astype(np.float64)
        residuals[np.arange(len(rows)), self._likeliest[rows]] -= 1
        return residuals, self._x[rows].astype(np.float64)

    def distances(self, rows: Ints, others: Ints) -> Doubles:
        """(r, o) squared distances."""
        out = np.empty((len(rows), len(others)), np.float64)
        other_residuals, other_features = self._factors(others)
        for start in range(0, len(rows), CHUNK_ROWS):
            part = rows[start : start + CHUNK_ROWS]
            residuals, features = self._factors(part)
            inner = (residuals @ other_residuals.T) * (features @ other_features.T)
            sums = self.lengths[part, None] + self.lengths[others]
            squares = sums - 2 * inner
            out[start : start + CHUNK_ROWS] = np.where(squares > ROUNDING * sums, squares, 0)
        return out


def seeding(gradients: Gradients, k: int, rng: np.random.Generator) -> Ints:
    """k distinct rows by k-means++, exactly in law; where all that is left equals a chosen one, any.

    A squared distance to the nearest chosen row only falls as more are chosen. So an old one is an upper bound: rows
    are drawn in proportion to the bounds, only those drawn are measured again, and each is accepted with the
    probability distance / bound.
    """
    n = len(gradients.lengths)
    chosen = select_top_k(np.arange(n), gradients.lengths.astype(np.float32), 1, rng).keys
    bounds = gradients.distances(np.arange(n), chosen)[:, 0]
    seen = np.ones(n, np.int64)  # how many of the chosen rows each bound takes into account
    bounds[chosen] = 0
    misses = 0
    while len(chosen) < k:
        total = np.cumsum(bounds)
        if total[-1] <= 0:
            rest = np.setdiff1d(np.arange(n), chosen)
            return np.concatenate([chosen, rng.permutation(rest)[: k - len(chosen)]])
        last = np.flatnonzero(bounds)[-1]  # rounding must not draw a row beyond it
        drawn = np.minimum(np.searchsorted(total, rng.random(DRAWN) * total[-1], side="right"), last)
        before = bounds[drawn]
        rows = np.unique(drawn) if misses < MISSES else np.flatnonzero(bounds)
        _measure_again(gradients, bounds, seen, rows, chosen)
        accepted = drawn[rng.random(DRAWN) * before < bounds[drawn]][:1]
        misses = 0 if len(accepted) else misses + 1
        bounds[accepted] = 0
        chosen = np.concatenate([chosen, accepted])
    return chosen


def _measure_again(gradients: Gradients, bounds: Doubles, seen: Ints, rows: Ints, chosen: Ints) -> None:
    old = rows[seen[rows] < len(chosen)]
    if len(old):
        newer = chosen[seen[old].min() :]
        bounds[old] = np.minimum(bounds[old], gradients.distances(old, newer).min(axis=1))
        seen[old] = len(chosen)
