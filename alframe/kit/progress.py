"""Show how far a long step has got, and forecast how long it will take."""

from alframe.progress import Bar, DurationEstimate, format_bytes, format_duration, track

__all__ = ["Bar", "DurationEstimate", "format_bytes", "format_duration", "track"]
