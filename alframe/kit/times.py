"""Read the times of photographs, as cameras and camera-trap programs write them."""

from alframe.formats.time_columns import ReadTime, TimeColumn, read_time
from alframe.formats.times import earliest_file_time, parse_local_time, read_exif_time

__all__ = ["ReadTime", "TimeColumn", "earliest_file_time", "parse_local_time", "read_exif_time", "read_time"]
