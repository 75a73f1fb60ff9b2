"""Read COCO Camera Traps and plain COCO: images and their annotations in one JSON file."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from reprlib import repr as shorten
from typing import Any

from alframe.class_names import class_name_key
from alframe.errors import FormatError
from alframe.formats.json_members import id_text, read_json_members
from alframe.formats.skipped import SkippedRecords
from alframe.formats.times import first_time_text
from alframe.progress import track
from alframe.types import Box

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CocoImage:
    """One image. `position` is its place in the file, and `size` is width and height in pixels."""

    file: str
    position: str
    size: tuple[float, float] | None = None
    taken: str = ""
    location: str | None = None
    sequence: str | None = None
    corrupt: bool = False


@dataclass(frozen=True, slots=True)
class CocoAnnotation:
    """An object in an image or its sequence. `box` is (left, top, width, height) in fractions or in pixels."""

    category: str
    box: tuple[float, ...] | None = None
    relative: bool = False
    sequence_level: bool = False

    @property
    def is_below_pixel(self) -> bool:
        """Whether the box has the unit pixel, but width and height are at most 1, as in fractions of an image."""
        return self.box is not None and not self.relative and max(self.box[2:]) <= 1

    def relative_box(self, size: tuple[float, float] | None) -> Box | None:
        """Return the box as fractions of an image of `size`, cut to the image; None without a box or a size."""
        if self.box is None or (size is None and not self.relative):
            return None
        width, height = (1.0, 1.0) if self.relative or size is None else size
        x, y, w, h = self.box
        left, right = (min(max(side / width, 0.0), 1.0) for side in (x, x + w))
        top, bottom = (min(max(side / height, 0.0), 1.0) for side in (y, y + h))
        return Box(left, top, right - left, bottom - top) if right > left and bottom > top else None


@dataclass(frozen=True, slots=True)
class CocoDataset:
    """Images and annotations by image id."""

    images: Mapping[str, CocoImage]
    annotations: Mapping[str, tuple[CocoAnnotation, ...]]


def read_coco(file: Path) -> CocoDataset:
    """Read the file of a data set, with ids as text and categories by name.

    Forms that occur in practice are understood: ids and locations that are numbers (1.0 is 1), `date_captured` for
    `datetime`, invalid times, no sequences, several annotations for an image or none. Records that cannot be used are
    left out, counted and named in the log. Raises FormatError with the position in the file if no image can be used.
    Source: github.com/agentmorris/MegaDetector, coco-camera-traps format.
    """
    reader = _CocoReader()
    counts = {"images": 0, "annotations": 0, "categories": 0}
    for name, record in track(read_json_members(file, list(counts)), "Reading the data set", unit="records"):
        if name not in counts:
            continue
        position, counts[name] = f"{name}[{counts[name]}]", counts[name] + 1
        try:
            if not isinstance(record, dict):
                raise FormatError(f" is {shorten(record)}: must be an object. Is this a COCO file?")
            reader.add(name, record, position)
        except FormatError as error:
            reader.skipped.add(f"{name} are skipped", f"{position}{error}")
    if not counts["images"]:
        raise FormatError(f"{file} lists no image, or is not a COCO file: it must have a list `images`.")
    if not reader.images:
        raise FormatError(f"{file}, {reader.skipped.examples['images are skipped']}")
    dataset = reader.build()
    reader.skipped.warn(log, file)
    return dataset


@dataclass
class _CocoReader:
    """The records read so far. `contradicted` are the ids that several images or categories have."""

    images: dict[str, CocoImage] = field(default_factory=dict)
    annotations: dict[str, list[CocoAnnotation]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    contradicted: set[str] = field(default_factory=set)
    contradicted_categories: set[str] = field(default_factory=set)
    skipped: SkippedRecords = field(default_factory=SkippedRecords)

    def add(self, name: str, record: Mapping[str, Any], position: str) -> None:
        """Add a record of the list `name`. Raises FormatError, whose message begins with the fault."""
        if name == "images":
            self._add_image(_require_id(record, "id"), _parse_image(record, position))
        elif name == "annotations":
            annotation = self._parse_annotation(record, position)
            self.annotations.setdefault(_require_id(record, "image_id"), []).append(annotation)
        else:
            self._add_category(_require_id(record, "id"), _require_text(record, "name"), position)

    def build(self) -> CocoDataset:
        """Return the annotations joined with the images. Records without a partner are counted."""
        joined = {}
        for image_id, of_image in self.annotations.items():
            if image_id in self.contradicted:
                self.skipped.add("annotations have an id that several images share, and are skipped", image_id)
            elif image_id not in self.images:
                outcome = "images have annotations but are not listed"
                self.skipped.add(outcome, f"the id {image_id}")
            else:
                joined[image_id] = tuple(self._with_names(of_image, self.images[image_id].file))
        return CocoDataset(self.images, joined)

    def _with_names(self, annotations: Iterable[CocoAnnotation], file: str) -> Iterator[CocoAnnotation]:
        for annotation in annotations:
            if annotation.category in self.contradicted_categories:
                continue
            if annotation.category in self.names:
                yield replace(annotation, category=self.names[annotation.category])
            else:
                what = f"the category {annotation.category} of '{file}'"
                self.skipped.add("annotations have a category that `categories` does not list, and are skipped", what)

    def _add_image(self, image_id: str, image: CocoImage) -> None:
        before = self.images.get(image_id)
        if before is None:
            self.images[image_id] = image
        elif before.file != image.file:
            # Both are images of the pool, but nobody knows which of them the annotations are of.
            self.contradicted.add(image_id)
            self.images[f"{image_id} ({image.position})"] = image
            what = f"{image.position} ('{image.file}') has the id {image_id} of {before.position} ('{before.file}')"
            self.skipped.add("images have the id of another image; neither of them gets the annotations", what)

    def _add_category(self, category_id: str, name: str, position: str) -> None:
        if class_name_key(self.names.setdefault(category_id, name)) != class_name_key(name):
            self.contradicted_categories.add(category_id)
            what = f"{position} ('{name}') has the id {category_id} of '{self.names[category_id]}'"
            self.skipped.add("categories have the id of another category; annotations of this id are skipped", what)

    def _parse_annotation(self, record: Mapping[str, Any], position: str) -> CocoAnnotation:
        relative = record.get("bbox_relative")
        sides = _parse_box(relative or record.get("bbox"))
        if sides is None and (relative or record.get("bbox")):
            reason = f"{position}: {shorten(relative or record.get('bbox'))}"
            self.skipped.add("boxes are not four numbers, with an area, and are skipped", reason)
        sequence_level = _is_true(record.get("sequence_level_annotation"))
        return CocoAnnotation(_require_id(record, "category_id"), sides, bool(relative), sequence_level)


def _parse_image(record: Mapping[str, Any], position: str) -> CocoImage:
    size = (_to_number_or(record.get("width")), _to_number_or(record.get("height")))
    return CocoImage(
        _require_text(record, "file_name"),
        position,
        size if min(size) > 0 else None,
        first_time_text([_to_text(record.get(name)) or "" for name in ("datetime", "date_captured")]),
        None if _to_text(location := record.get("location")) is None else id_text(location),
        _to_text(record.get("seq_id")),  # as it is: projects that have begun know sequences by it
        _is_true(record.get("corrupt")),
    )


def _parse_box(box: object) -> tuple[float, ...] | None:
    """Return left, top, width and height; None if they are not four numbers with an area."""
    if not isinstance(box, list) or len(box) != 4:
        return None
    sides = tuple(_to_number_or(side, math.nan) for side in box)
    return sides if not any(map(math.isnan, sides)) and sides[2] > 0 and sides[3] > 0 else None


def _require_id(record: Mapping[str, Any], name: str) -> str:
    _require_text(record, name)
    return id_text(record.get(name))


def _require_text(record: Mapping[str, Any], name: str) -> str:
    value = _to_text(record.get(name))
    if value is None:
        raise FormatError(f" has no {name}. Is this a COCO file?")
    return value


def _to_text(value: object) -> str | None:
    """Return a number or text as text that any database can store; None for other values, blanks and NaN."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value != value:
        return None
    return str(value).encode("utf-8", "replace").decode().strip() or None


def _is_true(value: object) -> bool:
    """Return whether a flag is set. Some programs write it as a number or a text."""
    return value is True or value == 1 or (isinstance(value, str) and value.strip().casefold() in ("true", "1", "yes"))


def _to_number_or(value: object, default: float = 0.0) -> float:
    """Return a number, which some programs write as text."""
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return default
    return number if -1e9 < number < 1e9 else default
