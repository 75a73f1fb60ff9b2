"""Parse formats whose boxes are corners in pixels: PyTorch-Wildlife's JSON and the megadetector command's list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alframe.errors import FormatError
from alframe.formats.detections import values
from alframe.formats.detections.columns import DetectionRow, ImageDetections, sort_best_first

_NO_SIZE = "its boxes are in pixels, and the image is not found, which would tell its size"


class ImageSizes:
    """Function from the path of an image to its size; looks below `root` and in the folder of the detector's file."""

    def __init__(self, file_folder: Path, root: Path | None) -> None:
        self.folders = [file_folder] if root is None else [root, file_folder]

    def __call__(self, path: str) -> tuple[int, int] | None:
        """Return width and height in pixels from the header; None if the image is not found or cannot be read."""
        from PIL import Image

        for folder in self.folders:
            try:
                with Image.open(folder / path.replace("\\", "/")) as image:
                    return image.size
            except Exception:  # any damage: the header tells no size
                continue
        return None


def parse_megadetector_cli(entry: dict[str, Any], sizes: ImageSizes) -> ImageDetections:
    """Parse one element of the list that `megadetector detect` writes; categories are names.

    Source: https://microsoft.github.io/MegaDetector/output_format/.
    """
    path, detections = values.require_path(entry, "file"), entry.get("detections")
    if detections is None:
        return ImageDetections(path, failure=str(entry.get("failure") or "it has no detections"))
    return _parse_pixel_boxes(path, detections, sizes)


def parse_pytorch_wildlife(entry: dict[str, Any], sizes: ImageSizes) -> ImageDetections:
    """Parse one element of PyTorch-Wildlife's `annotations`: parallel lists, after classification with other names.

    Source: github.com/microsoft/CameraTraps, PytorchWildlife/utils/post_process.py.
    """
    path = values.require_path(entry, "img_id")
    prefix = "det_" if "det_category" in entry else ""
    boxes, names, confidences, classes, scores = (
        values.require_list(entry.get(key), f".{key}")
        for key in ("bbox", f"{prefix}category", f"{prefix}confidence", "clf_category", "clf_confidence")
    )
    if not len(boxes) == len(names) == len(confidences) or len(classes) != len(scores):
        raise FormatError(": its lists are of different lengths. Write the file again.")
    scores = [values.require_number(score, ".clf_confidence") for score in scores]
    ranked = list(zip(map(str, classes), scores, strict=True))
    # With as many classes as boxes each box has its own; else nobody knows which is whose, and each box has all.
    of_boxes = [sort_best_first(ranked)] * len(boxes)
    if len(ranked) == len(boxes):
        of_boxes = [(class_score,) for class_score in ranked]
    columns = zip(names, confidences, boxes, of_boxes, strict=True)
    keys = ("category", "confidence", "bbox", "classes")
    detections = [dict(zip(keys, column, strict=True)) for column in columns]
    return _parse_pixel_boxes(path, detections, sizes)


def _parse_pixel_boxes(path: str, detections: Any, sizes: ImageSizes) -> ImageDetections:
    size = sizes(path) if detections else (1, 1)
    if size is None:
        return ImageDetections(path, failure=_NO_SIZE)
    rows = values.parse_detections(detections, lambda detection: _parse_detection(detection, *size))
    return ImageDetections(path, rows)


def _parse_detection(detection: dict[str, Any], width: int, height: int) -> DetectionRow:
    left, top, right, bottom = values.require_four_numbers(detection.get("bbox"), ".bbox")
    box = (left / width, top / height, (right - left) / width, (bottom - top) / height)
    classes = detection.get("classes")
    classes = classes if isinstance(classes, tuple) else ()  # a tuple is not from JSON, but from parse_pytorch_wildlife
    confidence = values.require_number(detection.get("confidence"), ".confidence")
    return str(detection.get("category")), confidence, *box, classes
