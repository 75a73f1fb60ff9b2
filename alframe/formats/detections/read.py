"""Files of detections: which program wrote one is found from its content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from alframe.errors import FormatError
from alframe.formats.detections.columns import Collector, Detections, Entry
from alframe.formats.detections.megadetector import megadetector
from alframe.formats.detections.pixels import Sizes, cli, pytorch_wildlife
from alframe.formats.detections.speciesnet import speciesnet
from alframe.formats.json_members import members
from alframe.progress import track

# The list that holds the images -> program, and what reads one of its elements.
_FORMATS: dict[str, tuple[str, Callable[[dict[str, Any], Sizes], Entry]]] = {
    "images": ("MegaDetector", megadetector),
    "predictions": ("SpeciesNet", speciesnet),
    "annotations": ("PyTorch-Wildlife", pytorch_wildlife),
    "": ("MegaDetector (command line)", cli),
}
_PATHS = ("file", "filepath", "img_id")
_KNOWN = (
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
    collector, small, lists = Collector(), {}, list(_FORMATS)
    sizes, seen, count = Sizes(file.parent, root), None, 0
    for name, value in track(members(file, lists), "Reading detections", unit="img"):
        if name not in _FORMATS:
            small[name] = value
            continue
        if seen not in (None, name):
            # COCO has images and annotations; an AddaxAI or MegaDetector file may have a list of its own beside.
            raise FormatError(f"{file} has both '{seen}' and '{name}'. If it is a COCO file, use pool=coco. {_KNOWN}.")
        seen = name
        if not isinstance(value, dict):
            raise FormatError(f"{file}, {name}[{count}] is no object. {_KNOWN}.")
        try:
            collector.add(_FORMATS[name][1](value, sizes))
        except FormatError as error:
            called = next((f" ('{value[key]}')" for key in _PATHS if key in value), "")
            raise FormatError(f"{file}, {name}[{count}]{called}{error}") from None
        count += 1
    if seen is None:
        raise FormatError(f"{file} lists no image, or not as a detector's file does. {_KNOWN}.")
    info = small.get("info")
    return collector.finish(
        _FORMATS[seen][0],
        info if isinstance(info, dict) else {},
        _categories(file, seen, small, collector),
        _names(small.get("classification_categories") or small.get("clf_categories")),
    )


def _categories(file: Path, seen: str, small: Mapping[str, Any], collector: Collector) -> dict[str, str]:
    if seen in ("predictions", ""):
        return {name: _plain(name) for name in collector.numbers}
    key = "detection_categories" if seen == "images" else "categories" if "categories" in small else "det_categories"
    names = _names(small.get(key))
    unknown = [one for one in collector.numbers if one not in names]
    if unknown:
        raise FormatError(
            f"{file}: '{key}' does not say what category '{unknown[0]}' is. Write the file again with its "
            f"dictionary of categories; numbers mean different things in different programs."
        )
    return {one: _plain(names[one]) for one in collector.numbers}


def _names(dictionary: object) -> dict[str, str]:
    if isinstance(dictionary, list):
        return {str(number): str(name) for number, name in enumerate(dictionary)}
    return {str(key): str(name) for key, name in dictionary.items()} if isinstance(dictionary, dict) else {}


def _plain(name: str) -> str:
    plain = name.strip()
    return "person" if plain.casefold() == "human" else plain
