"""Divide many rows into chunks, so that a computation needs no second array of the pool's size."""

from alframe.chunks import row_slices

__all__ = ["row_slices"]
