"""What parts share, and what a plugin may use: public, and versioned with the contracts."""

from alframe.chunks import chunks

__all__ = ["chunks"]
