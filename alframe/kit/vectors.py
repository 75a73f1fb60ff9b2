"""What heads, samplers and the engine all do with embeddings."""

from __future__ import annotations

import numpy as np

from alframe.types import Floats


def unit_vectors(x: Floats) -> Floats:
    """A copy of `x` (n, D) with rows of length 1; a row of zeros stays."""
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.where(lengths > 0, lengths, 1), np.float32)
