"""Parse SpeciesNet's predictions: one object for each image, with classes of the whole image."""

from __future__ import annotations

from typing import Any

from alframe.errors import FormatError
from alframe.formats.detections import values
from alframe.formats.detections.columns import ClassScores, DetectionRow, ImageDetections, sort_best_first
from alframe.formats.detections.pixels import ImageSizes

_CATEGORY_NAMES = {"1": "animal", "2": "human", "3": "vehicle"}  # the format's own, which it does not write


def parse_speciesnet(entry: dict[str, Any], _: ImageSizes) -> ImageDetections:
    """Parse one element of `predictions`; each animal gets the classes of the image.

    A class keeps the whole text "uuid;class;order;family;genus;species;common name". Missing detections mean that the
    detector failed or did not run. Source: github.com/google/cameratrapai.
    """
    path = values.require_path(entry, "filepath")
    detections = entry.get("detections")
    if detections is None:
        failures = ", ".join(map(str, values.require_list(entry.get("failures"), ".failures")))
        return ImageDetections(path, failure=failures or "the detector did not run")
    classes = _parse_classes(entry.get("classifications"))
    return ImageDetections(
        path, values.parse_detections(detections, lambda detection: _parse_detection(detection, classes))
    )


def _parse_detection(detection: dict[str, Any], classes: ClassScores) -> DetectionRow:
    name = detection.get("label") or _CATEGORY_NAMES.get(str(detection.get("category")))
    if not isinstance(name, str):
        raise FormatError(": neither a label nor a known category.")
    return (
        name,
        values.require_number(detection.get("conf"), ".conf"),
        *values.require_fractions(detection.get("bbox"), ".bbox"),
        classes if name == "animal" else (),
    )


def _parse_classes(value: Any) -> ClassScores:
    if value is None:
        return ()
    names, scores = (value.get("classes"), value.get("scores")) if isinstance(value, dict) else (None, None)
    if not isinstance(names, list) or not isinstance(scores, list) or len(names) != len(scores):
        raise FormatError(".classifications has no classes and scores of one length.")
    return sort_best_first(
        (str(name), values.require_number(p, ".scores")) for name, p in zip(names, scores, strict=True)
    )
