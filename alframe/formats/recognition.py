"""Recognition files: what a detector and a classifier found, as MegaDetector writes it and Timelapse imports it.

Written is MegaDetector's format 1.5 (https://lila.science/megadetector-output-format), so that it is also right as 1.6.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from alframe.formats.detections import Detection
from alframe.store.files import replace_atomically
from alframe.types import Box

CATEGORIES = ("animal", "person", "vehicle")  # with the numbers 1, 2 and 3, as MegaDetector has them
WHOLE_IMAGE = Box(0.0, 0.0, 1.0, 1.0)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def write_recognitions(
    file: Path,
    images: Iterable[tuple[str, Sequence[Detection]]],
    classes: Sequence[str],
    info: Mapping[str, Any],
    categories: Iterable[str] = (),
) -> None:
    """Replace `file`, image by image, so that a million need little more memory than one.

    Images are paths relative to the image set, with forward slashes; no detections means that nothing is there.
    `classes` and `categories` (besides animal, person and vehicle) are all names that the detections have.
    """
    numbers = {name: str(number) for number, name in enumerate(dict.fromkeys((*CATEGORIES, *categories)), start=1)}
    class_numbers = {name: str(number) for number, name in enumerate(classes)}
    head = {
        "info": {"format_version": "1.5", **info},
        "detection_categories": {number: name for name, number in numbers.items()},
        "classification_categories": dict(
            zip(class_numbers.values(), timelapse_class_names(classes, numbers), strict=True)
        ),
    }
    with replace_atomically(file) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as handle:
        handle.write("{" + "".join(f'"{key}": {_to_json(value)},\n ' for key, value in head.items()) + '"images": [')
        separator = "\n  "
        for image, found in images:
            detections = [_detection_to_json(one, numbers, class_numbers) for one in found]
            handle.write(f"{separator}{_to_json({'file': image, 'detections': detections})}")
            separator = ",\n  "
        handle.write("]}\n")


def timelapse_class_names(classes: Sequence[str], categories: Iterable[str] = CATEGORIES) -> list[str]:
    """A name for each class that Timelapse takes: not blank, none twice, and none that a detection category has.

    Timelapse finds the images without detections under "Empty"; that is no name for a class either.
    """
    taken = {name.casefold() for name in ("empty", *categories)}
    safe = []
    for name in classes:
        plain = _CONTROL.sub(" ", name).strip() or "unnamed"
        one, number = plain, 1
        while one.casefold() in taken:
            one = f"{plain} (class)" if number == 1 else f"{plain} (class {number})"
            number += 1
        taken.add(one.casefold())
        safe.append(one)
    return safe


def _detection_to_json(
    found: Detection, numbers: Mapping[str, str], class_numbers: Mapping[str, str]
) -> dict[str, Any]:
    x, y = _round_fraction(found.box.x, 4), _round_fraction(found.box.y, 4)
    detection: dict[str, Any] = {
        "category": numbers[found.category],
        "conf": _round_fraction(found.confidence, 3),
        "bbox": [x, y, _round_fraction(found.box.w, 4), _round_fraction(found.box.h, 4)],
    }
    if found.classifications:
        detection["classifications"] = [
            [class_numbers[name], _round_fraction(confidence, 3)] for name, confidence in found.classifications
        ]
    return detection


def _round_fraction(value: float, digits: int) -> float:
    """A float, since the format wants 1.0 and refuses 1; detectors' boxes stick out of the image by a hair at times."""
    return min(1.0, max(0.0, round(float(value), digits)))


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
