"""Find which image a path means that somebody's program wrote, perhaps on another system."""

from alframe.formats.matching import ImageMatcher, match_rows, normalise_path

__all__ = ["ImageMatcher", "match_rows", "normalise_path"]
