"""How sure the model in use is of the images of the pool: the audit is drawn and evaluated by it."""

from __future__ import annotations

import numpy as np

from alframe.contracts import Head
from alframe.kit.pool_views import predict_in_chunks
from alframe.types import Floats, Ints


class PoolConfidence:
    """The highest class probability that a fitted `head` gives each image of `features` (N, D).

    The whole pool is predicted with the first question, and once: so the last bits of a value do not depend on what is
    asked, and a resumed run has the same values.
    """

    def __init__(self, head: Head, features: Floats) -> None:
        self._head, self._features = head, features
        self._values: Floats | None = None

    def of(self, keys: Ints) -> Floats:
        """Return (n,) how sure the head is of the images `keys` (n,)."""
        if self._values is None:
            everything = np.arange(len(self._features))
            self._values = predict_in_chunks(self._features, everything, lambda x: self._head.probs(x).max(axis=1))
        return self._values[keys]
