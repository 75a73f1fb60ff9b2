"""Cut many rows into chunks, so that no second table of the pool's size is made in memory."""

from alframe.chunks import chunks

__all__ = ["chunks"]
