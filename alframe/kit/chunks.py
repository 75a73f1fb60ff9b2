"""Cut many rows into chunks, so that no second table of the pool's size is made in memory."""

from alframe.chunks import row_slices

__all__ = ["row_slices"]
