"""The space in which images are clustered."""

from __future__ import annotations

from typing import Literal

import numpy as np

from alframe.kit.parameters import require_one_of
from alframe.kit.scoring import require_finite
from alframe.types import Floats, Ints, Need, PoolView

Space = Literal["logits", "features"]
COMPONENTS = 32  # principal components of embeddings: distances mean little beyond, and the search slows down
MIN_PROB = 1e-6  # below it, logits do not tell images apart


def needs_for(sampler: str, by: str) -> frozenset[Need]:
    """Return what the space `by` needs. Raises BadParams, naming the `sampler`, for an unknown space."""
    need_of = {"logits": Need.PROBS, "features": Need.FEATURES}
    require_one_of(f"sampler '{sampler}'", need_of, by=by)
    return frozenset({need_of[by]})


def coordinates(view: PoolView, by: Space, rows: Ints, rng: np.random.Generator) -> Floats:
    """Return centred logits, or principal components of embeddings, of `rows` (r, d). Raises UnmetNeed."""
    x = view.probs[rows] if by == "logits" else view.lazy_features[rows]
    require_finite(x.sum(axis=1), "probabilities" if by == "logits" else "embeddings", "images looked at")
    if by == "logits":
        logits = np.log(np.maximum(x, MIN_PROB))
        return np.asarray(logits - logits.mean(axis=1, keepdims=True), np.float32)
    if min(x.shape) <= COMPONENTS:
        return np.asarray(x, np.float32)
    from sklearn.decomposition import PCA

    pca = PCA(COMPONENTS, svd_solver="randomized", random_state=int(rng.integers(2**31)))
    return np.asarray(pca.fit_transform(x), np.float32)
