"""Read the times of photographs, as cameras and camera-trap programs write them."""

from alframe.formats.times import earliest_file_time, parse_local_time, read_exif_time

__all__ = ["earliest_file_time", "parse_local_time", "read_exif_time"]
