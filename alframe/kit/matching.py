"""Find which image a path means that somebody's program wrote, perhaps on another system."""

from alframe.formats.matching import ImageMatcher, caseless_path, match_rows, normalise_path

__all__ = ["ImageMatcher", "caseless_path", "match_rows", "normalise_path"]
