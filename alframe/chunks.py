"""Divide many rows into chunks, so that a computation needs no second array of the pool's size."""

from __future__ import annotations

ROWS = 8192  # always the same: a product of matrices that is cut elsewhere differs in its last bits
CHUNK_BYTES = 64 << 20


def row_slices(count: int, rows: int | None = None, *, bytes_per_row: int = 0, limit: int | None = None) -> list[slice]:
    """Return the slices of 0..count-1 in order, of `rows` rows each (None: 8192). The last slice may be shorter.

    With `bytes_per_row`, a slice has fewer rows if `rows` rows would take more than `limit` bytes (64 MiB), but at
    least one row. If `count` is 0, there is no slice.

    >>> row_slices(5, rows=2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    rows = rows or ROWS
    if bytes_per_row:
        rows = min(rows, max(1, (limit or CHUNK_BYTES) // bytes_per_row))
    return [slice(start, min(start + rows, count)) for start in range(0, count, rows)]
