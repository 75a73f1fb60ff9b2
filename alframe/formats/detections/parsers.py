"""Parse the entry of one image from each program. A FormatError begins with the position in this entry."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from reprlib import repr as shorten
from typing import Any

from alframe.class_names import MISSING_WORDS
from alframe.errors import FormatError
from alframe.formats.detections.columns import ClassScores, DetectionRow, ImageDetections, sort_best_first
from alframe.formats.json_members import id_text

_SPECIESNET_CATEGORIES = {"1": "animal", "2": "human", "3": "vehicle"}  # the format does not write them
ROUNDING = 0.01  # confidences stick out of 0..1 by this much at most
_REMEDY = "Write the file again with the program that made it."


def parse_megadetector_entry(entry: dict[str, Any]) -> ImageDetections:
    """Return the detections in an element of `images`, as MegaDetector, AddaxAI, PyTorch-Wildlife and others write it.

    Null or missing detections mean that the image was not processed. Source:
    https://lila.science/megadetector-output-format, versions 1.0 to 1.6.
    """
    path = _require_path(entry, "file")
    failure, detections = _failure_or_empty(entry), entry.get("detections")
    if failure or detections is None:
        return ImageDetections(path, failure=failure or "it has no detections")

    class_problems: list[str] = []

    def parse(detection: dict[str, Any]) -> DetectionRow:
        try:
            classes = _parse_class_pairs(detection.get("classifications"))
        except FormatError as error:
            class_problems.append(str(error))
            classes = ()
        return _relative_row(id_text(detection.get("category")), detection, classes)

    return replace(_parse_detections(path, detections, parse), class_problems=tuple(class_problems))


def _parse_class_pairs(value: Any) -> ClassScores:
    pairs = _list_or_empty(value or None, ".classifications")
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise FormatError(f".classifications: {shorten(pair)} is not a class and its confidence. {_REMEDY}")
    return sort_best_first((id_text(name), _require_number(score, ".classifications")) for name, score in pairs)


def parse_speciesnet_entry(entry: dict[str, Any]) -> ImageDetections:
    """Return the detections in an element of SpeciesNet's `predictions`; each animal gets the classes of the image.

    A class keeps the whole text "uuid;class;order;family;genus;species;common name". Missing detections mean that the
    detector failed or did not run. Source: github.com/google/cameratrapai.
    """
    path = _require_path(entry, "filepath")
    detections, failures = entry.get("detections"), entry.get("failures")
    failed = list(map(str, failures if isinstance(failures, list) else [failures] if failures else []))
    if detections is None or (not detections and "DETECTOR" in map(str.upper, failed)):
        return ImageDetections(path, failure=", ".join(failed) or "the detector did not run")
    classes, class_problems = _parse_speciesnet_classes(entry.get("classifications"))

    def parse(detection: dict[str, Any]) -> DetectionRow:
        name = detection.get("label") or _SPECIESNET_CATEGORIES.get(id_text(detection.get("category")))
        if not isinstance(name, str):
            raise FormatError(": neither a label nor a known category.")
        return _relative_row(name, detection, classes if name.casefold() == "animal" else ())

    return replace(_parse_detections(path, detections, parse), class_problems=class_problems)


def _parse_speciesnet_classes(value: Any) -> tuple[ClassScores, tuple[str, ...]]:
    """Return the classes, and the problems with them."""
    if value is None:
        return (), ()
    names, scores = (value.get("classes"), value.get("scores")) if isinstance(value, dict) else (None, None)
    if not isinstance(names, list) or not isinstance(scores, list) or len(names) != len(scores):
        return (), (".classifications has no classes and scores of one length.",)
    try:
        numbers = [_require_number(score, ".scores") for score in scores]
    except FormatError as error:
        return (), (str(error),)
    return sort_best_first(zip(map(str, names), numbers, strict=True)), ()


def _relative_row(category: str, detection: dict[str, Any], classes: ClassScores) -> DetectionRow:
    confidence = _require_confidence(detection.get("conf"), ".conf")
    return category, confidence, *_require_relative_box(detection.get("bbox"), ".bbox"), classes


def parse_megadetector_cli_entry(entry: dict[str, Any]) -> ImageDetections:
    """Parse one element of the list that `megadetector detect` writes; categories are names, boxes are in pixels.

    Source: https://microsoft.github.io/MegaDetector/output_format/.
    """
    path, detections = _require_path(entry, "file"), entry.get("detections")
    if detections is None:
        return ImageDetections(path, failure=str(entry.get("failure") or "it has no detections"))
    return _parse_detections(path, detections, _pixel_row)


def parse_pytorch_wildlife_entry(entry: dict[str, Any]) -> ImageDetections:
    """Return the detections in an element of PyTorch-Wildlife's `annotations`: parallel lists.

    After classification the lists have other names. Boxes are in pixels.
    Source: github.com/microsoft/CameraTraps, PytorchWildlife/utils/post_process.py.
    """
    path = _require_path(entry, "img_id")
    prefix = "det_" if "det_category" in entry else ""
    boxes, names, confidences, classes, scores = (
        _list_or_empty(entry.get(key), f".{key}")
        for key in ("bbox", f"{prefix}category", f"{prefix}confidence", "clf_category", "clf_confidence")
    )
    if not len(boxes) == len(names) == len(confidences) or len(classes) != len(scores):
        raise FormatError(": its lists are of different lengths. Write the file again.")
    scores = [_require_number(score, ".clf_confidence") for score in scores]
    ranked = list(zip(map(id_text, classes), scores, strict=True))
    # With as many classes as boxes each box has its own; else nobody knows which is whose, and each box has all.
    of_boxes = [sort_best_first(ranked)] * len(boxes)
    if len(ranked) == len(boxes):
        of_boxes = [(class_score,) for class_score in ranked]
    columns = zip(names, confidences, boxes, of_boxes, strict=True)
    keys = ("category", "confidence", "bbox", "classes")
    detections = [dict(zip(keys, column, strict=True)) for column in columns]
    return _parse_detections(path, detections, _pixel_row)


def _pixel_row(detection: dict[str, Any]) -> DetectionRow:
    """Return a detection whose box stays in pixels, as (x, y, width, height)."""
    left, top, right, bottom = _require_four_numbers(detection.get("bbox"), ".bbox")
    if not (right > left and bottom > top):
        raise FormatError(f".bbox is {shorten(detection.get('bbox'))}: it has no area. {_REMEDY}")
    classes = detection.get("classes")
    classes = classes if isinstance(classes, tuple) else ()  # a tuple is parse_pytorch_wildlife_entry's, not JSON's
    confidence = _require_confidence(detection.get("confidence"), ".confidence")
    return id_text(detection.get("category")), confidence, left, top, right - left, bottom - top, classes


def _require_path(entry: dict[str, Any], key: str) -> str:
    path = entry.get(key)
    if not isinstance(path, str) or not path.strip():
        hint = "It looks like a COCO file: use pool=coco." if "file_name" in entry or "image_id" in entry else _REMEDY
        raise FormatError(f": there is no path under '{key}'. {hint}")
    return path


def _failure_or_empty(entry: dict[str, Any]) -> str:
    """Return why an image failed, or "". (Some programs write a null as false, blank, NaN or a word)."""
    failure = entry.get("failure")
    if failure is None or failure is False or failure != failure:
        return ""
    text = str(failure).strip()
    return "" if text.casefold() in MISSING_WORDS else text


def _parse_detections(path: str, detections: Any, parse: Callable[[dict[str, Any]], DetectionRow]) -> ImageDetections:
    """Return the image with the detections that can be parsed, and the problems of the others."""
    rows, problems = [], []
    for number, detection in enumerate(_list_or_empty(detections, ".detections")):
        try:
            if not isinstance(detection, dict):
                raise FormatError(f" is {shorten(detection)}: must be an object. {_REMEDY}")
            rows.append(parse(detection))
        except FormatError as error:
            problems.append(f".detections[{number}]{error}")
    return ImageDetections(path, tuple(rows), problems=tuple(problems))


def _list_or_empty(value: Any, position: str) -> list[Any]:
    """Return the list, empty if it is null or missing."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise FormatError(f"{position} is {shorten(value)}: must be a list. {_REMEDY}")
    return value


def _require_number(value: Any, position: str) -> float:
    """Return the number, which some programs write as text."""
    try:
        number = float(value) if type(value) in (float, int, str) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not -1e300 < number < 1e300:  # nan as well
        raise FormatError(f"{position} is {shorten(value)}: must be a number. {_REMEDY}")
    return number


def _require_confidence(value: Any, position: str) -> float:
    number = _require_number(value, position)
    if not -ROUNDING <= number <= 1 + ROUNDING:
        raise FormatError(f"{position} is {shorten(value)}: must be from 0 to 1. {_REMEDY}")
    return min(max(number, 0.0), 1.0)


def _require_four_numbers(value: Any, position: str) -> tuple[float, float, float, float]:
    if not isinstance(value, list) or len(value) != 4:
        raise FormatError(f"{position} is {shorten(value)}: must be four numbers. {_REMEDY}")
    x, y, w, h = (_require_number(number, position) for number in value)
    return x, y, w, h


def _require_relative_box(value: Any, position: str) -> tuple[float, float, float, float]:
    x, y, w, h = box = _require_four_numbers(value, position)
    if max(box) > 1.5 or min(box) < -1.5:  # boxes that stick out a little exist
        raise FormatError(f"{position} is {shorten(value)}: must be fractions of the image. {_REMEDY}")
    if min(x + w, 1) <= max(x, 0) or min(y + h, 1) <= max(y, 0):
        raise FormatError(f"{position} is {shorten(value)}: it has no area in the image. {_REMEDY}")
    return box
