"""Rows cut into chunks."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from alframe.chunks import ROWS, row_slices


@given(st.integers(0, 50_000), st.integers(1, 20_000), st.integers(0, 1 << 20), st.integers(1, 1 << 22))
def test_chunks_cover_all_rows_once_in_order_within_both_limits(count, rows, bytes_per_row, limit):
    cut = row_slices(count, rows, bytes_per_row=bytes_per_row, limit=limit)
    numbers = np.arange(count)
    assert np.array_equal(np.concatenate([numbers[part] for part in cut] or [numbers[:0]]), numbers)
    sizes = [part.stop - part.start for part in cut]
    assert all(0 < size <= rows for size in sizes)
    assert all(size == 1 or size * bytes_per_row <= limit for size in sizes)
    assert len(set(sizes[:-1])) <= 1


def test_no_rows_are_no_chunks_and_the_usual_chunk_has_a_fixed_size():
    assert row_slices(0) == []
    assert row_slices(ROWS + 1) == [slice(0, ROWS), slice(ROWS, ROWS + 1)]
