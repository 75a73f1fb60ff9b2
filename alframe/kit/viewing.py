"""Read any image as a picture that people can view: upright, in 8-bit RGB."""

from alframe.data.viewing import needs_conversion, open_for_viewing

__all__ = ["needs_conversion", "open_for_viewing"]
