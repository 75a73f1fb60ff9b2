"""Check the values of a detector's file; the error messages begin with the position in the image's entry."""

from __future__ import annotations

from collections.abc import Callable
from reprlib import repr as shorten
from typing import Any

from alframe.errors import FormatError
from alframe.formats.detections.columns import DetectionRow

_REMEDY = "Write the file again with the program that made it."


def require_path(entry: dict[str, Any], key: str) -> str:
    """Return the image's path, or raise FormatError."""
    path = entry.get(key)
    if not isinstance(path, str) or not path.strip():
        hint = "It looks like a COCO file: use pool=coco." if "file_name" in entry or "image_id" in entry else _REMEDY
        raise FormatError(f": there is no path under '{key}'. {hint}")
    return path


def parse_detections(detections: Any, parse: Callable[[dict[str, Any]], DetectionRow]) -> tuple[DetectionRow, ...]:
    """Apply `parse` to each of an image's detections; raises FormatError."""
    rows = []
    for number, detection in enumerate(require_list(detections, ".detections")):
        try:
            if not isinstance(detection, dict):
                raise FormatError(f" is {shorten(detection)}: must be an object. {_REMEDY}")
            rows.append(parse(detection))
        except FormatError as error:
            raise FormatError(f".detections[{number}]{error}") from None
    return tuple(rows)


def require_list(value: Any, position: str) -> list[Any]:
    """Return the list, empty if it is null or missing; raise FormatError for anything else."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise FormatError(f"{position} is {shorten(value)}: must be a list. {_REMEDY}")
    return value


def require_number(value: Any, position: str) -> float:
    """Return the number as a float; raise FormatError unless it is one and finite."""
    if type(value) not in (float, int) or not -1e300 < value < 1e300:
        raise FormatError(f"{position} is {shorten(value)}: must be a number. {_REMEDY}")
    return float(value)


def require_four_numbers(value: Any, position: str) -> tuple[float, float, float, float]:
    """Return the four numbers of a box, or raise FormatError."""
    if not isinstance(value, list) or len(value) != 4:
        raise FormatError(f"{position} is {shorten(value)}: must be four numbers. {_REMEDY}")
    x, y, w, h = (require_number(number, position) for number in value)
    return x, y, w, h


def require_fractions(value: Any, position: str) -> tuple[float, float, float, float]:
    """Return left, top, width and height as fractions of the image, or raise FormatError."""
    box = require_four_numbers(value, position)
    if max(box) > 1.5 or min(box) < -1.5:  # boxes that stick out a little exist
        raise FormatError(f"{position} is {shorten(value)}: must be fractions of the image. {_REMEDY}")
    return box
