"""Embeddings scaled to length 1."""

from __future__ import annotations

import numpy as np

from alframe.types import Floats


def unit_vectors(x: Floats) -> Floats:
    """Return a float32 copy of `x` (n, D) with each row scaled to length 1; rows of zeros stay zero."""
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.where(lengths > 0, lengths, 1), np.float32)
