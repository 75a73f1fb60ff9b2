"""Show the progress of a long step, and estimate its duration."""

from alframe.progress import Bar, DurationEstimate, format_bytes, format_duration, track

__all__ = ["Bar", "DurationEstimate", "format_bytes", "format_duration", "track"]
