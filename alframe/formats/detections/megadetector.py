"""Parse the MegaDetector output format, as MegaDetector, AddaxAI, PyTorch-Wildlife and many others write it."""

from __future__ import annotations

from reprlib import repr as shorten
from typing import Any

from alframe.errors import FormatError
from alframe.formats.detections import values
from alframe.formats.detections.columns import ClassScores, DetectionRow, ImageDetections, sort_best_first
from alframe.formats.detections.pixels import ImageSizes


def parse_megadetector(entry: dict[str, Any], _: ImageSizes) -> ImageDetections:
    """Parse one element of `images`; null or missing detections mean that the image was not processed.

    Source: https://lila.science/megadetector-output-format, versions 1.0 to 1.6.
    """
    path = values.require_path(entry, "file")
    failure, detections = entry.get("failure"), entry.get("detections")
    if failure is not None or detections is None:
        return ImageDetections(path, failure=str(failure or "it has no detections"))
    return ImageDetections(path, values.parse_detections(detections, _parse_detection))


def _parse_detection(detection: dict[str, Any]) -> DetectionRow:
    classes = detection.get("classifications")
    return (
        str(detection.get("category")),
        values.require_number(detection.get("conf"), ".conf"),
        *values.require_fractions(detection.get("bbox"), ".bbox"),
        _parse_classes(classes) if classes else (),
    )


def _parse_classes(value: Any) -> ClassScores:
    pairs = values.require_list(value, ".classifications")
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise FormatError(f".classifications: {shorten(pair)} is not a class and its confidence.")
    return sort_best_first(
        (str(name), values.require_number(confidence, ".classifications")) for name, confidence in pairs
    )
