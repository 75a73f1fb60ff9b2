"""Show how far a long step has got, and forecast how long it will take."""

from alframe.progress import Bar, Forecast, format_bytes, format_duration, track

__all__ = ["Bar", "Forecast", "format_bytes", "format_duration", "track"]
