"""Files of detections: which program wrote one is found from its content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from alframe.errors import FormatError
from alframe.formats.detections.columns import Detections, DetectionsBuilder, ImageDetections
from alframe.formats.detections.megadetector import parse_megadetector
from alframe.formats.detections.pixels import ImageSizes, parse_megadetector_cli, parse_pytorch_wildlife
from alframe.formats.detections.speciesnet import parse_speciesnet
from alframe.formats.json_members import read_json_members
from alframe.progress import track

# The list that holds the images -> program, and what reads one of its elements.
_PARSERS: dict[str, tuple[str, Callable[[dict[str, Any], ImageSizes], ImageDetections]]] = {
    "images": ("MegaDetector", parse_megadetector),
    "predictions": ("SpeciesNet", parse_speciesnet),
    "annotations": ("PyTorch-Wildlife", parse_pytorch_wildlife),
    "": ("MegaDetector (command line)", parse_megadetector_cli),
}
_PATH_KEYS = ("file", "filepath", "img_id")
_KNOWN_PROGRAMS = (
    "Known are MegaDetector's JSON (also from AddaxAI and PyTorch-Wildlife), SpeciesNet's predictions, "
    "PyTorch-Wildlife's and the megadetector command's"
)


def read_detections(file: Path, root: Path | None = None) -> Detections:
    """What a detector found: MegaDetector's format 1.0 to 1.6 (also from AddaxAI and PyTorch-Wildlife), SpeciesNet's
    predictions, PyTorch-Wildlife's own JSON, and the list of the megadetector command.

    Categories are known by name, never by number; "human" is called "person". Where boxes are in pixels, the headers
    of the images are read for their sizes: `root` is where their relative paths start, if not beside the file. Raises
    FormatError naming the file, the place in it and the remedy.
    """
    collector, small, lists = DetectionsBuilder(), {}, list(_PARSERS)
    sizes, seen, count = ImageSizes(file.parent, root), None, 0
    for name, value in track(read_json_members(file, lists), "Reading detections", unit="img"):
        if name not in _PARSERS:
            small[name] = value
            continue
        if seen not in (None, name):
            # COCO has images and annotations; an AddaxAI or MegaDetector file may have a list of its own beside.
            raise FormatError(
                f"{file} has both '{seen}' and '{name}'. If it is a COCO file, use pool=coco. {_KNOWN_PROGRAMS}."
            )
        seen = name
        if not isinstance(value, dict):
            raise FormatError(f"{file}, {name}[{count}] is no object. {_KNOWN_PROGRAMS}.")
        try:
            collector.add(_PARSERS[name][1](value, sizes))
        except FormatError as error:
            called = next((f" ('{value[key]}')" for key in _PATH_KEYS if key in value), "")
            raise FormatError(f"{file}, {name}[{count}]{called}{error}") from None
        count += 1
    if seen is None:
        raise FormatError(f"{file} lists no image, or not as a detector's file does. {_KNOWN_PROGRAMS}.")
    info = small.get("info")
    return collector.finish(
        _PARSERS[seen][0],
        info if isinstance(info, dict) else {},
        _category_names(file, seen, small, collector),
        _names_by_number(small.get("classification_categories") or small.get("clf_categories")),
    )


def _category_names(file: Path, seen: str, small: Mapping[str, Any], collector: DetectionsBuilder) -> dict[str, str]:
    if seen in ("predictions", ""):
        return {name: _normalise_category(name) for name in collector.numbers}
    key = "detection_categories" if seen == "images" else "categories" if "categories" in small else "det_categories"
    names = _names_by_number(small.get(key))
    unknown = [one for one in collector.numbers if one not in names]
    if unknown:
        raise FormatError(
            f"{file}: '{key}' does not say what category '{unknown[0]}' is. Write the file again with its "
            f"dictionary of categories; numbers mean different things in different programs."
        )
    return {one: _normalise_category(names[one]) for one in collector.numbers}


def _names_by_number(dictionary: object) -> dict[str, str]:
    if isinstance(dictionary, list):
        return {str(number): str(name) for number, name in enumerate(dictionary)}
    return {str(key): str(name) for key, name in dictionary.items()} if isinstance(dictionary, dict) else {}


def _normalise_category(name: str) -> str:
    plain = name.strip()
    return "person" if plain.casefold() == "human" else plain
