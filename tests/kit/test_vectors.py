"""What all do with embeddings."""

from __future__ import annotations

import numpy as np

from alframe.kit.vectors import unit_vectors


def test_rows_have_length_1_and_zeros_stay():
    x = np.array([[3, 4], [0, 0], [1e-20, 0]], np.float32)
    np.testing.assert_allclose(unit_vectors(x), [[0.6, 0.8], [0, 0], [1, 0]], rtol=1e-5)
