"""COCO Camera Traps and plain COCO: images and what is on them, in one JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from reprlib import repr as shown
from typing import Any

from alframe.errors import FormatError
from alframe.formats.json_members import read_json_members
from alframe.formats.times import parse_local_time
from alframe.progress import track
from alframe.types import Box


@dataclass(frozen=True, slots=True)
class CocoImage:
    """One image; `size` is width and height in pixels, `place` where in the file it stands."""

    file: str
    place: str
    size: tuple[float, float] | None = None
    taken: datetime | None = None
    location: str | None = None
    sequence: str | None = None
    corrupt: bool = False


@dataclass(frozen=True, slots=True)
class CocoAnnotation:
    """What somebody saw; `box` in fractions if `relative`, else in pixels, as left, top, width and height.

    With `sequence_level` it was seen somewhere in the image's sequence.
    """

    category: str
    box: tuple[float, float, float, float] | None = None
    relative: bool = False
    sequence_level: bool = False

    def fractions(self, size: tuple[float, float] | None) -> Box | None:
        """The box as fractions of an image of `size`, cut to the image; None if there is none, or no way to tell."""
        if self.box is None or (size is None and not self.relative):
            return None
        width, height = (1.0, 1.0) if self.relative or size is None else size
        x, y, w, h = self.box
        left, right = (min(max(one / width, 0.0), 1.0) for one in (x, x + w))
        top, bottom = (min(max(one / height, 0.0), 1.0) for one in (y, y + h))
        return Box(left, top, right - left, bottom - top) if right > left and bottom > top else None


@dataclass(frozen=True, slots=True)
class CocoDataset:
    """A file's content by image id, in the file's order; `strays` annotations are of images that it does not list."""

    images: Mapping[str, CocoImage]
    annotations: Mapping[str, tuple[CocoAnnotation, ...]]
    strays: int


def read_coco(file: Path) -> CocoDataset:
    """The file of the data set, with ids as text and categories by name.

    In the wild, and understood: ids and locations that are numbers, `date_captured` for `datetime`, times that are
    none, no sequences, several annotations for an image or none at all. Raises FormatError with the place in the file.
    Source: github.com/agentmorris/MegaDetector, coco-camera-traps format.
    """
    images: dict[str, CocoImage] = {}
    found: dict[str, tuple[CocoAnnotation, ...]] = {}
    names: dict[str, str] = {}
    counts = {"images": 0, "annotations": 0, "categories": 0}
    for kind, one in track(read_json_members(file, list(counts)), "Reading the data set", unit="records"):
        if kind not in counts:
            continue
        place, counts[kind] = f"{kind}[{counts[kind]}]", counts[kind] + 1
        if not isinstance(one, dict):
            raise FormatError(f"{file}, {place} is {shown(one)}, no object. Is this a COCO file?")
        try:
            if kind == "images":
                key = _require_text(one, "id")
                if key in images:
                    raise FormatError(f" has the id {key} of {images[key].place}. Ids must be unique.")
                images[key] = _parse_image(one, place)
            elif kind == "annotations":
                key = _require_text(one, "image_id")
                found[key] = (*found.get(key, ()), _parse_annotation(one))
            else:
                names[_require_text(one, "id")] = _require_text(one, "name")
        except FormatError as error:
            raise FormatError(f"{file}, {place}{error}") from None
    if not images:
        raise FormatError(f"{file} lists no image, or is no COCO file: there should be `images` in it.")
    return CocoDataset(images, _name_categories(found, names, images, file), sum(key not in images for key in found))


def _name_categories(
    found: Mapping[str, tuple[CocoAnnotation, ...]],
    names: Mapping[str, str],
    images: Mapping[str, CocoImage],
    file: Path,
) -> dict[str, tuple[CocoAnnotation, ...]]:
    named = {}
    for key, some in found.items():
        if key in images:
            missing = next((one.category for one in some if one.category not in names), None)
            if missing is not None:
                raise FormatError(f"{file}: `categories` has no id {missing}, which an annotation of image {key} has.")
            named[key] = tuple(
                CocoAnnotation(names[one.category], one.box, one.relative, one.sequence_level) for one in some
            )
    return named


def _parse_image(one: Mapping[str, Any], place: str) -> CocoImage:
    size = (_to_number(one.get("width")), _to_number(one.get("height")))
    return CocoImage(
        _require_text(one, "file_name"),
        place,
        size if min(size) > 0 else None,
        parse_local_time(one.get("datetime")) or parse_local_time(one.get("date_captured")),
        _to_text(one.get("location")),
        _to_text(one.get("seq_id")),
        one.get("corrupt") is True,
    )


def _parse_annotation(one: Mapping[str, Any]) -> CocoAnnotation:
    relative = one.get("bbox_relative")
    box = relative or one.get("bbox")
    if box and (not isinstance(box, list) or len(box) != 4 or any(type(side) not in (int, float) for side in box)):
        raise FormatError(f": its box is {shown(box)}, not four numbers.")
    four = None if not box else (_to_number(box[0]), _to_number(box[1]), _to_number(box[2]), _to_number(box[3]))
    level = one.get("sequence_level_annotation") is True
    return CocoAnnotation(_require_text(one, "category_id"), four, bool(relative), level)


def _require_text(one: Mapping[str, Any], key: str) -> str:
    value = _to_text(one.get(key))
    if value is None:
        raise FormatError(f" has no {key}. Is this a COCO file?")
    return value


def _to_text(value: object) -> str | None:
    """Numbers and texts as text without what no database can hold; anything else, and blanks, as nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).encode("utf-8", "replace").decode().strip() or None


def _to_number(value: object) -> float:
    return float(value) if type(value) in (int, float) and -1e9 < value < 1e9 else 0.0  # type: ignore[operator, arg-type]
