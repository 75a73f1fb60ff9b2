"""Read times as cameras and camera-trap programs write them."""

from alframe.formats.times import parse_local_time

__all__ = ["parse_local_time"]
