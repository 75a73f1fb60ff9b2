"""How sure the model in use is of the images of the pool: the audit is drawn and evaluated by it."""

from __future__ import annotations

import numpy as np

from alframe.contracts import Head
from alframe.kit.pool_views import predict_in_chunks
from alframe.types import Floats, Ints


class PoolConfidence:
    """The highest class probability that a fitted `head` gives each image of `features` (N, D).

    Each image is predicted once: a large pool takes longer than a fit.
    """

    def __init__(self, head: Head, features: Floats) -> None:
        self._head, self._features = head, features
        self._values = np.full(len(features), np.nan, np.float32)  # NaN where nobody has asked yet

    def of(self, keys: Ints) -> Floats:
        """Return (n,) how sure the head is of the images `keys` (n,)."""
        new = keys[np.isnan(self._values[keys])]
        if len(new):
            self._values[new] = predict_in_chunks(self._features, new, lambda x: self._head.probs(x).max(axis=1))
        return self._values[keys]
