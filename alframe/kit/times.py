"""Read times as cameras and camera-trap programs write them."""

from alframe.formats.times import local_time

__all__ = ["local_time"]
