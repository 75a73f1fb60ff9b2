"""The head `knn`: votes of the nearest labelled images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar

from alframe.heads.fitting import DeterministicHead, FitsWithContext, scale_examples
from alframe.kit.chunks import row_slices
from alframe.kit.clustering import unit_vectors
from alframe.kit.libraries import import_faiss
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.types import Bools, FitContext, Floats, Floats64, Ints

if TYPE_CHECKING:
    from torch import nn

MIN_LOG_DECAY, MAX_LOG_DECAY = -2.0, 7.0  # natural logarithms of the decay of votes per mean squared distance


class Knn(FitsWithContext, DeterministicHead):
    """Predict by a vote of the nearest labelled images. Nearer images have more votes.

    The nearest image has one vote. An image whose squared distance is larger by d has exp(-s d) votes. The decay s is
    chosen so that each labelled image is predicted best from the other labelled images. Each dimension of the
    embeddings is scaled, and then each embedding is scaled to length 1. So a squared distance is 2 x (1 - cosine).
    FAISS finds the neighbours. `rng` is not used. Fix and Hodges 1951; Dudani 1976 (weighted votes).
    """

    name = "knn"

    def __init__(self, k: int = 10, smoothing: float = 0.1) -> None:
        require_at_least("head 'knn'", 1, k=k)
        require_parameter("head 'knn'", smoothing > 0, "above 0", smoothing=smoothing)
        self.k, self.smoothing = k, smoothing

    def fit_with_context(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, context: FitContext) -> None:
        """See the UsesFitContext contract; without `is_unseen` rows, the decay is 1."""
        scaled, mean, scale, present, target = scale_examples(x, y)
        rows = unit_vectors(scaled)
        self._state = {"mean": mean, "scale": scale, "rows": rows, "target": target, "present": present}
        decay = self._fit_decay(rows, target, context.is_unseen_by_backbone)
        self._state |= {"classes": np.array([classes]), "slope": np.array([decay], np.float32)}

    def _fit_decay(self, rows: Floats, y: Ints, is_unseen: Bools) -> float:
        """Return the decay with which the other rows predict the `is_unseen` (m,) rows of `rows` (m, D) best."""
        squared, neighbours = _find_neighbours(rows, rows, self.k + 1)
        is_itself = neighbours == np.arange(len(rows))[:, None]
        is_itself[~is_itself.any(axis=1), -1] = True  # more copies of it than requested neighbours: drop any
        squared, neighbours = (array[~is_itself].reshape(len(rows), -1) for array in (squared, neighbours))
        kept = is_unseen & (np.bincount(y)[y] > 1)  # nobody could vote for the only example of a class
        if not kept.any() or not squared[kept].any():
            return 1.0
        mean_squared = float(squared[kept].mean())

        def loss(log_decay: float) -> float:
            decay = np.exp(log_decay) / mean_squared
            probs = self._vote_shares(squared[kept], y[neighbours[kept]], y.max() + 1, decay)
            return float(-np.log(probs[np.arange(len(probs)), y[kept]]).mean())

        fitted = minimize_scalar(loss, bounds=(MIN_LOG_DECAY, MAX_LOG_DECAY), method="bounded")
        return float(np.exp(fitted.x) / mean_squared)

    def _vote_shares(self, squared_distances: Floats, labels: Ints, classes: int, decay: float) -> Floats64:
        """Return the shares of the votes (n, P), by squared distances (n, k), nearest first, and `labels` (n, k)."""
        votes = np.exp(-decay * (squared_distances - squared_distances[:, :1]).astype(np.float64))
        cells = np.arange(len(squared_distances))[:, None] * classes + labels
        counts = np.bincount(cells.ravel(), votes.ravel(), len(squared_distances) * classes).reshape(-1, classes)
        return np.asarray((counts + self.smoothing / classes) / (votes.sum(axis=1, keepdims=True) + self.smoothing))

    def probs(self, x: Floats) -> Floats:
        """See the Head contract; `x` (n, D) may be memory-mapped."""
        s = self._state
        out = np.zeros((len(x), s["classes"].item()), np.float32)
        for chunk in row_slices(len(x)):
            rows = unit_vectors(self.scale_features(x[chunk]))
            squared, neighbours = _find_neighbours(s["rows"], rows, self.k)
            labels, decay = s["target"][neighbours], s["slope"].item()
            out[chunk, s["present"]] = self._vote_shares(squared, labels, len(s["present"]), decay)
        return out

    def logits_module(self) -> nn.Module:
        """See the ExportableHead contract; the module holds all labelled embeddings."""
        from torch.nn import Sequential

        from alframe.heads.neighbour_votes import NeighbourVotes
        from alframe.heads.torch_modules import ToUnitVectors

        s = self._state
        labels, classes, decay = s["present"][s["target"]], s["classes"].item(), s["slope"].item()
        votes = NeighbourVotes(s["rows"], labels, classes, self.k, decay, self.smoothing)
        return Sequential(ToUnitVectors(s["mean"], s["scale"]), votes)


def _find_neighbours(rows: Floats, x: Floats, count: int) -> tuple[Floats, Ints]:
    """Return exact squared distances (n, k) of `x` (n, D) to the nearest of `rows` (m, D), and their indices (n, k)."""
    index = import_faiss().IndexFlatL2(rows.shape[1])
    index.add(np.ascontiguousarray(rows))
    squared, neighbours = index.search(np.ascontiguousarray(x), min(count, len(rows)))
    return np.maximum(squared, 0), neighbours
