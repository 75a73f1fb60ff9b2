"""Read the times of photographs, as cameras and camera-trap programs write them."""

from alframe.formats.exif import earliest_file_time, read_exif_time
from alframe.formats.times import parse_local_time

__all__ = ["earliest_file_time", "parse_local_time", "read_exif_time"]
