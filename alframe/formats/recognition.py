"""Write recognition files with the results of a detector and a classifier, in MegaDetector's format for Timelapse.

The format is MegaDetector's 1.5 (https://lila.science/megadetector-output-format), which is also valid as 1.6.
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
    images: Iterable[tuple[str, Sequence[Detection] | str]],
    classes: Sequence[str],
    info: Mapping[str, Any],
    categories: Iterable[str] = (),
) -> None:
    """Write the detections of all images to `file`, and replace an old file. Only one image at a time is in memory.

    `images` yields, for each image, its path relative to the image set (with forward slashes), and either its
    detections (an empty list if there are none) or a text that says why the image could not be processed.
    `classes` and `categories` (in addition to animal, person and vehicle) are all names that the detections have.
    """
    numbers = {name: str(number) for number, name in enumerate(dict.fromkeys((*CATEGORIES, *categories)), start=1)}
    class_numbers = {name: str(number) for number, name in enumerate(classes)}
    class_names = timelapse_class_names(classes, numbers)
    head = {
        "info": {"format_version": "1.5", **info},
        "detection_categories": {number: name for name, number in numbers.items()},
        "classification_categories": dict(zip(class_numbers.values(), class_names, strict=True)),
    }
    with replace_atomically(file) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as handle:
        handle.write("{" + "".join(f'"{key}": {_to_json(value)},\n ' for key, value in head.items()) + '"images": [')
        separator = "\n  "
        for image, detections in images:
            content: dict[str, Any] = {"file": image}
            if isinstance(detections, str):
                content |= {"failure": detections, "detections": None}
            else:
                content["detections"] = [_detection_to_json(each, numbers, class_numbers) for each in detections]
            handle.write(f"{separator}{_to_json(content)}")
            separator = ",\n  "
        handle.write("]}\n")


def timelapse_class_names(classes: Sequence[str], categories: Iterable[str] = CATEGORIES) -> list[str]:
    """Return valid names for Timelapse: not blank, each once, different from the categories, and not "Empty"."""
    taken = {name.casefold() for name in ("empty", *categories)}
    names = []
    for class_name in classes:
        stem = _CONTROL.sub(" ", class_name).strip() or "unnamed"
        name, number = stem, 1
        while name.casefold() in taken:
            name = f"{stem} (class)" if number == 1 else f"{stem} (class {number})"
            number += 1
        taken.add(name.casefold())
        names.append(name)
    return names


def _detection_to_json(
    detection: Detection, numbers: Mapping[str, str], class_numbers: Mapping[str, str]
) -> dict[str, Any]:
    box = detection.box
    content: dict[str, Any] = {
        "category": numbers[detection.category],
        "conf": _round_fraction(detection.confidence, 3),
        "bbox": [_round_fraction(side, 4) for side in (box.x, box.y, box.w, box.h)],
    }
    if detection.classifications:
        content["classifications"] = [
            [class_numbers[name], _round_fraction(confidence, 3)] for name, confidence in detection.classifications
        ]
    return content


def _round_fraction(value: float, digits: int) -> float:
    """Return a float from 0 to 1. The format refuses the integer 1, and boxes may reach a little outside the image."""
    return min(1.0, max(0.0, round(float(value), digits)))


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
