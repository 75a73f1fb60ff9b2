"""Read any image as people can look at it: upright, in 8-bit RGB."""

from alframe.data.viewing import needs_view, view

__all__ = ["needs_view", "view"]
