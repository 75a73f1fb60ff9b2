"""Read files of detections; which program wrote one is found from its content."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from alframe.errors import FormatError
from alframe.formats.detections import parsers
from alframe.formats.detections.columns import Detections, DetectionsBuilder, ImageDetections
from alframe.formats.json_members import read_json_members
from alframe.progress import track

# The name of the list of images -> program, and the parser of an element.
_PARSERS: dict[str, tuple[str, Callable[[dict[str, Any], parsers.SizeFinder], ImageDetections]]] = {
    "images": ("MegaDetector", parsers.parse_megadetector),
    "predictions": ("SpeciesNet", parsers.parse_speciesnet),
    "annotations": ("PyTorch-Wildlife", parsers.parse_pytorch_wildlife),
    "": ("MegaDetector (command line)", parsers.parse_megadetector_cli),
}
_PATH_KEYS = ("file", "filepath", "img_id")
_KNOWN_PROGRAMS = (
    "Known are MegaDetector's JSON (also from AddaxAI and PyTorch-Wildlife), SpeciesNet's predictions, "
    "PyTorch-Wildlife's and the megadetector command's"
)


def read_detections(file: Path, root: Path | None = None) -> Detections:
    """Read what a detector found; raises FormatError naming the file, the position in it and the remedy.

    Formats: MegaDetector's 1.0 to 1.6, SpeciesNet's predictions, PyTorch-Wildlife's own JSON, and the list of the
    megadetector command. Categories are known by name; "human" is called "person". Where boxes are in pixels, the
    headers of the images are read for their sizes: their relative paths start at `root` or in the file's folder.
    """
    builder = DetectionsBuilder()
    find_size = partial(parsers.read_image_size, folders=[root, file.parent] if root else [file.parent])
    members: dict[str, Any] = {}  # all but the list of images
    list_name, count = None, 0
    for name, value in track(read_json_members(file, list(_PARSERS)), "Reading detections", unit="img"):
        if name not in _PARSERS:
            members[name] = value
            continue
        if list_name not in (None, name):
            # COCO has images and annotations; an AddaxAI or MegaDetector file may have a list of its own beside.
            raise FormatError(
                f"{file} has both '{list_name}' and '{name}'. If it is a COCO file, use pool=coco. {_KNOWN_PROGRAMS}."
            )
        list_name = name
        if not isinstance(value, dict):
            raise FormatError(f"{file}, {name}[{count}] is not an object. {_KNOWN_PROGRAMS}.")
        try:
            builder.add(_PARSERS[name][1](value, find_size))
        except FormatError as error:
            path = next((f" ('{value[key]}')" for key in _PATH_KEYS if key in value), "")
            raise FormatError(f"{file}, {name}[{count}]{path}{error}") from None
        count += 1
    if list_name is None:
        raise FormatError(f"{file} lists no image, or not as a detector's file does. {_KNOWN_PROGRAMS}.")
    info = members.get("info")
    return builder.build(
        _PARSERS[list_name][0],
        info if isinstance(info, dict) else {},
        _category_names(file, list_name, members, builder.category_numbers),
        _names_by_number(members.get("classification_categories") or members.get("clf_categories")),
    )


def _category_names(
    file: Path, list_name: str, members: Mapping[str, Any], categories: Iterable[str]
) -> dict[str, str]:
    if list_name in ("predictions", ""):
        return {name: _normalise_category(name) for name in categories}
    key = "categories" if "categories" in members else "det_categories"
    key = "detection_categories" if list_name == "images" else key
    names = _names_by_number(members.get(key))
    unknown = [category for category in categories if category not in names]
    if unknown:
        raise FormatError(
            f"{file}: '{key}' does not say what category '{unknown[0]}' is. Write the file again with its "
            f"dictionary of categories; numbers mean different things in different programs."
        )
    return {category: _normalise_category(names[category]) for category in categories}


def _names_by_number(names: object) -> dict[str, str]:
    if isinstance(names, list):
        return {str(number): str(name) for number, name in enumerate(names)}
    return {str(number): str(name) for number, name in names.items()} if isinstance(names, dict) else {}


def _normalise_category(name: str) -> str:
    name = name.strip()
    return "person" if name.casefold() == "human" else name
