"""Values of a detector's file, each checked where it stands; the errors begin with their place in the image's entry."""

from __future__ import annotations

from collections.abc import Callable
from reprlib import repr as shown
from typing import Any

from alframe.errors import FormatError
from alframe.formats.detections.columns import DetectionRow

_REMEDY = "Write the file again with the program that made it."


def require_path(entry: dict[str, Any], key: str) -> str:
    """The image's path. Raises FormatError."""
    path = entry.get(key)
    if not isinstance(path, str) or not path.strip():
        hint = "It looks like a COCO file: use pool=coco." if "file_name" in entry or "image_id" in entry else _REMEDY
        raise FormatError(f": there is no path under '{key}'. {hint}")
    return path


def parse_detections(found: Any, read: Callable[[dict[str, Any]], DetectionRow]) -> tuple[DetectionRow, ...]:
    """What `read` makes of each of an image's detections. Raises FormatError."""
    rows = []
    for number, one in enumerate(require_list(found, ".detections")):
        try:
            if not isinstance(one, dict):
                raise FormatError(f" is {shown(one)}, no object. {_REMEDY}")
            rows.append(read(one))
        except FormatError as error:
            raise FormatError(f".detections[{number}]{error}") from None
    return tuple(rows)


def require_list(value: Any, place: str) -> list[Any]:
    """A list; none if it is null or missing. Raises FormatError."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise FormatError(f"{place} is {shown(value)}, no list. {_REMEDY}")
    return value


def require_number(value: Any, place: str) -> float:
    """A finite number. Raises FormatError."""
    if type(value) not in (float, int) or not -1e300 < value < 1e300:
        raise FormatError(f"{place} is {shown(value)}, no number. {_REMEDY}")
    return float(value)


def require_four_numbers(value: Any, place: str) -> tuple[float, float, float, float]:
    """The four numbers of a box. Raises FormatError."""
    if not isinstance(value, list) or len(value) != 4:
        raise FormatError(f"{place} is {shown(value)}, not four numbers. {_REMEDY}")
    x, y, w, h = value
    return require_number(x, place), require_number(y, place), require_number(w, place), require_number(h, place)


def require_fractions(value: Any, place: str) -> tuple[float, float, float, float]:
    """Left, top, width and height as fractions of the image. Raises FormatError."""
    box = require_four_numbers(value, place)
    if max(box) > 1.5 or min(box) < -1.5:  # rounding, and boxes that stick out a little, are known
        raise FormatError(f"{place} is {shown(value)}, not fractions of the image. {_REMEDY}")
    return box
