"""The sampler `badge`: images whose gradients are large and differ from each other."""

from __future__ import annotations

import numpy as np

from alframe.kit.chunks import row_slices
from alframe.kit.scoring import select_top_k
from alframe.types import Floats, Floats64, Ints, LazyFeatures, Need, PoolView, Selection

CHUNK_ROWS = 2048  # in double precision
PROPOSALS = 16  # rows drawn at a time
# Rejections in a row after which all bounds are updated: most are then far too large, as after the choice of one of
# many copies.
MAX_REJECTIONS = 50
ROUNDING = 1e-12  # squared distances below this part of the squared norms are rounding errors


class Badge:
    """Draw images whose gradients are large and differ from each other, by k-means++.

    The gradient of an image is the gradient of the loss in the last layer, if the most probable class were right. The
    first image has the largest gradient, as in the code of the paper. Each next image is drawn with a probability
    proportional to its squared distance to the nearest chosen image. There are no scores, because each choice is
    random. Ash et al. 2020, "Deep batch active learning by diverse, uncertain gradient lower bounds".
    """

    needs = frozenset({Need.FEATURES, Need.PROBS})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        gradients = LastLayerGradients(view.probs, view.lazy_features)
        return Selection(view.keys[kmeans_plus_plus(gradients, k, rng)])


class LastLayerGradients:
    """Squared norms and distances of n gradients, from `probs` (n, C) and embeddings `x` (n, D), maybe mapped."""

    def __init__(self, probs: Floats, x: Floats | LazyFeatures) -> None:
        self._probs, self._x = probs, x
        self._likeliest = probs.argmax(axis=1)
        self.squared_norms = np.empty(len(x), np.float64)
        for chunk in row_slices(len(x), CHUNK_ROWS):
            residuals, features = self._residuals_and_features(np.arange(chunk.start, chunk.stop))
            self.squared_norms[chunk] = np.einsum("ij,ij->i", residuals, residuals)
            self.squared_norms[chunk] *= np.einsum("ij,ij->i", features, features)

    def _residuals_and_features(self, rows: Ints) -> tuple[Floats64, Floats64]:
        """Return the residuals (r, C) and embeddings (r, D) of `rows`."""
        residuals = self._probs[rows].astype(np.float64)
        residuals[np.arange(len(rows)), self._likeliest[rows]] -= 1
        return residuals, self._x[rows].astype(np.float64)

    def squared_distances(self, rows: Ints, others: Ints) -> Floats64:
        """Return the squared distances (r, o) of the gradients of `rows` to those of `others`."""
        out = np.empty((len(rows), len(others)), np.float64)
        other_residuals, other_features = self._residuals_and_features(others)
        for chunk in row_slices(len(rows), CHUNK_ROWS):
            residuals, features = self._residuals_and_features(rows[chunk])
            inner_products = (residuals @ other_residuals.T) * (features @ other_features.T)
            norms = self.squared_norms[rows[chunk], None] + self.squared_norms[others]
            squared = norms - 2 * inner_products
            out[chunk] = np.where(squared > ROUNDING * norms, squared, 0)
        return out


def kmeans_plus_plus(gradients: LastLayerGradients, k: int, rng: np.random.Generator) -> Ints:
    """Return k distinct rows by k-means++. If all other rows equal chosen rows, the rest are drawn at random.

    The squared distance to the nearest chosen row never grows when more rows are chosen, so an earlier distance is an
    upper bound. Rows are drawn in proportion to the bounds. Only the distances of drawn rows are computed again. A
    drawn row is accepted with the probability distance / bound.
    """
    n = len(gradients.squared_norms)
    chosen = select_top_k(np.arange(n), gradients.squared_norms.astype(np.float32), 1, rng).keys
    bounds = gradients.squared_distances(np.arange(n), chosen)[:, 0]
    measured_counts = np.ones(n, np.int64)  # how many of the chosen rows each bound takes into account
    bounds[chosen] = 0
    rejections = 0
    while len(chosen) < k:
        cumulated = np.cumsum(bounds)
        if cumulated[-1] <= 0:
            rest = np.setdiff1d(np.arange(n), chosen)
            return np.concatenate([chosen, rng.permutation(rest)[: k - len(chosen)]])
        last = np.flatnonzero(bounds)[-1]  # rounding must not draw a row beyond it
        drawn = np.minimum(np.searchsorted(cumulated, rng.random(PROPOSALS) * cumulated[-1], side="right"), last)
        old_bounds = bounds[drawn]
        rows = np.unique(drawn) if rejections < MAX_REJECTIONS else np.flatnonzero(bounds)
        _update_bounds(gradients, bounds, measured_counts, rows, chosen)
        accepted = drawn[rng.random(PROPOSALS) * old_bounds < bounds[drawn]][:1]
        rejections = 0 if len(accepted) else rejections + 1
        bounds[accepted] = 0
        chosen = np.concatenate([chosen, accepted])
    return chosen


def _update_bounds(
    gradients: LastLayerGradients, bounds: Floats64, measured_counts: Ints, rows: Ints, chosen: Ints
) -> None:
    """Make the bounds of `rows` exact, in place, by measuring them to the rows chosen since."""
    stale = rows[measured_counts[rows] < len(chosen)]
    if len(stale):
        newer = chosen[measured_counts[stale].min() :]
        bounds[stale] = np.minimum(bounds[stale], gradients.squared_distances(stale, newer).min(axis=1))
        measured_counts[stale] = len(chosen)
