"""Read files of detections. The content of a file shows which program wrote it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from alframe.errors import FormatError
from alframe.formats.detections import parsers
from alframe.formats.detections.columns import Detections, DetectionsBuilder, Frame, ImageDetections
from alframe.formats.json_members import id_text, read_json_members
from alframe.formats.skipped import SkippedRecords
from alframe.progress import track

log = logging.getLogger(__name__)

# The name of the list of images -> program, and the parser of an element.
_PARSERS: dict[str, tuple[str, Callable[[dict[str, Any]], ImageDetections]]] = {
    "images": ("MegaDetector", parsers.parse_megadetector_entry),
    "predictions": ("SpeciesNet", parsers.parse_speciesnet_entry),
    "annotations": ("PyTorch-Wildlife", parsers.parse_pytorch_wildlife_entry),
    "": ("MegaDetector (command line)", parsers.parse_megadetector_cli_entry),
}
_CATEGORY_KEYS = {"images": ("detection_categories",), "annotations": ("categories", "det_categories")}
_PATH_KEYS = ("file", "filepath", "img_id")
_KNOWN_PROGRAMS = (
    "Known are MegaDetector's JSON (also from AddaxAI and PyTorch-Wildlife), SpeciesNet's predictions, "
    "PyTorch-Wildlife's and the megadetector command's"
)


def read_detections(file: Path) -> Detections:
    """Read the detections of a file. Raises FormatError with the file, the position in it and the remedy.

    Formats: MegaDetector's 1.0 to 1.6, SpeciesNet's predictions, PyTorch-Wildlife's own JSON, and the list of the
    megadetector command. Categories have names, and "human" becomes "person". Entries and detections that cannot be
    used are left out, counted and named in the log. If no entry can be used, the first of them is the error.
    """
    skipped = SkippedRecords()
    builder = DetectionsBuilder(skipped)
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
        list_name, position, count = name, f"{name}[{count}]", count + 1
        try:
            if not isinstance(value, dict):
                raise FormatError(f" is not an object. {_KNOWN_PROGRAMS}.")
            builder.add_image(_PARSERS[name][1](value), position)
        except FormatError as error:
            path = next((str(value[key]) for key in _PATH_KEYS if key in value), "") if isinstance(value, dict) else ""
            skipped.add("entries are skipped", f"{position}{path and f' ({path!r})'}{error}")
    if list_name is None:
        raise FormatError(f"{file} lists no image, or is not the file of a detector. {_KNOWN_PROGRAMS}.")
    found = _finish_detections(file, builder, list_name, members)
    if skipped.counts and not found.image_numbers:
        outcome, example = next(iter(skipped.examples.items()))
        raise FormatError(f"{file}, {example}" + (f": {outcome}." if "categories" in outcome else ""))
    skipped.warn(log, file)
    return found


def _finish_detections(
    file: Path, builder: DetectionsBuilder, list_name: str, members: Mapping[str, Any]
) -> Detections:
    codes = list(builder.category_numbers)
    key = next((key for key in _CATEGORY_KEYS.get(list_name, ()) if key in members), "detection_categories")
    names = (
        _names_by_number_or_empty(members.get(key))
        if list_name in _CATEGORY_KEYS
        else dict(zip(codes, codes, strict=True))
    )
    if codes and not names:
        raise FormatError(
            f"{file}: '{key}' does not say what category '{codes[0]}' is. Write the file again with its dictionary of "
            f"categories; numbers mean different things in different programs."
        )
    info = members.get("info")
    return builder.build(
        _PARSERS[list_name][0],
        info if isinstance(info, dict) else {},
        {code: _human_to_person(name) for code, name in _with_names_as_codes(names, codes).items()},
        _names_by_number_or_empty(members.get("classification_categories") or members.get("clf_categories")),
        _find_box_frame(list_name, names),
    )


def _find_box_frame(list_name: str, names: Mapping[str, str]) -> Frame:
    """Return the unit of the boxes.

    PyTorch-Wildlife, and the megadetector command that uses it, measure in the picture as it is stored. In
    MegaDetector's format, PyTorch-Wildlife can be recognised by its categories: it counts them from 0, MegaDetector
    counts them from 1.
    """
    if list_name in ("annotations", ""):
        return "pixels"
    return "stored" if list_name == "images" and names.get("0", "").strip().casefold() == "animal" else "upright"


def _names_by_number_or_empty(names: object) -> dict[str, str]:
    """Return the names by number, without null and blank names. A dictionary of numbers by name is inverted."""
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict):
        return {}
    if names and not any(id_text(number).isdigit() for number in names):
        numbers = [id_text(number) for number in names.values()]
        if all(map(str.isdigit, numbers)) and len(set(numbers)) == len(numbers):
            return dict(zip(numbers, map(str, names), strict=True))
    return {id_text(number): str(name) for number, name in names.items() if name is not None and str(name).strip()}


def _with_names_as_codes(names: Mapping[str, str], codes: Sequence[str]) -> dict[str, str]:
    """Return the names by code, also if detections have the name of a category in place of its number."""
    by_name = {name.strip().casefold(): name for name in names.values()}
    return {code: by_name[key] for code in codes if (key := code.strip().casefold()) in by_name} | dict(names)


def _human_to_person(name: str) -> str:
    name = name.strip()
    return "person" if name.casefold() == "human" else name
