"""Read COCO Camera Traps and plain COCO: images and what is on them, in one JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from reprlib import repr as shorten
from typing import Any

from alframe.errors import FormatError
from alframe.formats.json_members import read_json_members
from alframe.formats.times import parse_local_time
from alframe.progress import track
from alframe.types import Box


@dataclass(frozen=True, slots=True)
class CocoImage:
    """One image; `position` says where in the file it is listed, `size` is width and height in pixels."""

    file: str
    position: str
    size: tuple[float, float] | None = None
    taken: datetime | None = None
    location: str | None = None
    sequence: str | None = None
    corrupt: bool = False


@dataclass(frozen=True, slots=True)
class CocoAnnotation:
    """What was seen in an image or its sequence; `box` is (left, top, width, height) in fractions or in pixels."""

    category: str
    box: tuple[float, ...] | None = None
    relative: bool = False
    sequence_level: bool = False

    def relative_box(self, size: tuple[float, float] | None) -> Box | None:
        """Return the box as fractions of an image of `size`, cut to the image; None if there is none or no size."""
        if self.box is None or (size is None and not self.relative):
            return None
        width, height = (1.0, 1.0) if self.relative or size is None else size
        x, y, w, h = self.box
        left, right = (min(max(side / width, 0.0), 1.0) for side in (x, x + w))
        top, bottom = (min(max(side / height, 0.0), 1.0) for side in (y, y + h))
        return Box(left, top, right - left, bottom - top) if right > left and bottom > top else None


@dataclass(frozen=True, slots=True)
class CocoDataset:
    """Images and annotations by image id; `unlisted_images` counts ids with annotations that no image has."""

    images: Mapping[str, CocoImage]
    annotations: Mapping[str, tuple[CocoAnnotation, ...]]
    unlisted_images: int


def read_coco(file: Path) -> CocoDataset:
    """Read the file of a data set, with ids as text and categories by name.

    Understood, since it exists: ids and locations that are numbers, `date_captured` for `datetime`, times that are
    none, no sequences, several annotations for an image or none at all. Raises FormatError with the position in the
    file. Source: github.com/agentmorris/MegaDetector, coco-camera-traps format.
    """
    images: dict[str, CocoImage] = {}
    annotations: dict[str, tuple[CocoAnnotation, ...]] = {}
    names: dict[str, str] = {}
    counts = {"images": 0, "annotations": 0, "categories": 0}
    for name, record in track(read_json_members(file, list(counts)), "Reading the data set", unit="records"):
        if name not in counts:
            continue
        position, counts[name] = f"{name}[{counts[name]}]", counts[name] + 1
        if not isinstance(record, dict):
            raise FormatError(f"{file}, {position} is {shorten(record)}: must be an object. Is this a COCO file?")
        try:
            if name == "images":
                image_id = _require_text(record, "id")
                if image_id in images:
                    raise FormatError(
                        f" has the id {image_id} of {images[image_id].position}. Ids must be unique: change one."
                    )
                images[image_id] = _parse_image(record, position)
            elif name == "annotations":
                image_id = _require_text(record, "image_id")
                annotations[image_id] = (*annotations.get(image_id, ()), _parse_annotation(record))
            else:
                names[_require_text(record, "id")] = _require_text(record, "name")
        except FormatError as error:
            raise FormatError(f"{file}, {position}{error}") from None
    if not images:
        raise FormatError(f"{file} lists no image, or is not a COCO file: it must have a list `images`.")
    listed = {}
    for image_id in filter(annotations.__contains__, images):
        unknown = [each.category for each in annotations[image_id] if each.category not in names]
        if unknown:
            problem = f"`categories` has no id {unknown[0]}, which an annotation of image {image_id} has"
            raise FormatError(f"{file}: {problem}. Add it.")
        listed[image_id] = tuple(replace(each, category=names[each.category]) for each in annotations[image_id])
    return CocoDataset(images, listed, len(annotations) - len(listed))


def _parse_image(record: Mapping[str, Any], position: str) -> CocoImage:
    size = (_to_number(record.get("width")), _to_number(record.get("height")))
    return CocoImage(
        _require_text(record, "file_name"),
        position,
        size if min(size) > 0 else None,
        parse_local_time(record.get("datetime")) or parse_local_time(record.get("date_captured")),
        _to_text(record.get("location")),
        _to_text(record.get("seq_id")),
        record.get("corrupt") is True,
    )


def _parse_annotation(record: Mapping[str, Any]) -> CocoAnnotation:
    relative = record.get("bbox_relative")
    box = relative or record.get("bbox")
    if box and (not isinstance(box, list) or len(box) != 4 or any(type(side) not in (int, float) for side in box)):
        raise FormatError(f": its box is {shorten(box)}: must be four numbers.")
    sides = tuple(map(_to_number, box)) if box else None
    sequence_level = record.get("sequence_level_annotation") is True
    return CocoAnnotation(_require_text(record, "category_id"), sides, bool(relative), sequence_level)


def _require_text(record: Mapping[str, Any], name: str) -> str:
    value = _to_text(record.get(name))
    if value is None:
        raise FormatError(f" has no {name}. Is this a COCO file?")
    return value


def _to_text(value: object) -> str | None:
    """Return a number or text as text that any database can hold; None for anything else, and for blanks."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).encode("utf-8", "replace").decode().strip() or None


def _to_number(value: object) -> float:
    return float(value) if type(value) in (int, float) and -1e9 < value < 1e9 else 0.0  # type: ignore[operator, arg-type]
