"""Find which image a path means that somebody's program wrote, perhaps on another system."""

from alframe.formats.matching import Matcher, folded, located

__all__ = ["Matcher", "folded", "located"]
