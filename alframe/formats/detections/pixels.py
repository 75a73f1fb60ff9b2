"""Formats whose boxes are corners in pixels: PyTorch-Wildlife's own JSON and the megadetector command's list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alframe.errors import FormatError
from alframe.formats.detections.columns import ClassScores, DetectionRow, ImageDetections, sort_best_first
from alframe.formats.detections.values import (
    parse_detections,
    require_four_numbers,
    require_list,
    require_number,
    require_path,
)

_NO_SIZE = "its boxes are in pixels, and the image is not found, which would tell its size"


class ImageSizes:
    """The size of an image by its path, looked for below `root` and beside the file of detections."""

    def __init__(self, beside: Path, root: Path | None) -> None:
        self.folders = [beside] if root is None else [root, beside]

    def __call__(self, path: str) -> tuple[int, int] | None:
        """Width and height in pixels, read from the header; None if the image is not found or cannot be read."""
        from PIL import Image

        for folder in self.folders:
            try:
                with Image.open(folder / path.replace("\\", "/")) as image:
                    return image.size
            except Exception:  # whatever is wrong with it, it tells no size
                continue
        return None


def parse_megadetector_cli(entry: dict[str, Any], sizes: ImageSizes) -> ImageDetections:
    """One element of the list that `megadetector detect` writes; categories are names.

    Source: https://microsoft.github.io/MegaDetector/output_format/.
    """
    path, found = require_path(entry, "file"), entry.get("detections")
    if found is None:
        return ImageDetections(path, failure=str(entry.get("failure") or "it has no detections"))
    return _parse_pixel_boxes(path, found, sizes)


def parse_pytorch_wildlife(entry: dict[str, Any], sizes: ImageSizes) -> ImageDetections:
    """One element of PyTorch-Wildlife's `annotations`: parallel lists, after classification with other names.

    Source: github.com/microsoft/CameraTraps, PytorchWildlife/utils/post_process.py.
    """
    path = require_path(entry, "img_id")
    prefix = "det_" if "det_category" in entry else ""
    boxes, names, confidences, classes, scores = (
        require_list(entry.get(key), f".{key}")
        for key in ("bbox", f"{prefix}category", f"{prefix}confidence", "clf_category", "clf_confidence")
    )
    if not len(boxes) == len(names) == len(confidences) or len(classes) != len(scores):
        raise FormatError(": its lists are of different lengths. Write the file again.")
    named = [(str(name), require_number(score, ".clf_confidence")) for name, score in zip(classes, scores, strict=True)]
    # One class for each box if there are as many; else nobody knows which is whose, and each has all.
    each: list[ClassScores] = (
        [(one,) for one in named] if len(named) == len(boxes) else [sort_best_first(named)] * len(boxes)
    )
    columns = zip(names, confidences, boxes, each, strict=True)
    found = [{"category": name, "confidence": p, "bbox": box, "classes": own} for name, p, box, own in columns]
    return _parse_pixel_boxes(path, found, sizes)


def _parse_pixel_boxes(path: str, found: Any, sizes: ImageSizes) -> ImageDetections:
    size = sizes(path) if found else (1, 1)
    return (
        ImageDetections(path, failure=_NO_SIZE)
        if size is None
        else ImageDetections(path, parse_detections(found, lambda one: _parse_detection(one, *size)))
    )


def _parse_detection(one: dict[str, Any], width: int, height: int) -> DetectionRow:
    left, top, right, bottom = require_four_numbers(one.get("bbox"), ".bbox")
    box = (left / width, top / height, (right - left) / width, (bottom - top) / height)
    classes = one.get("classes")
    own = classes if isinstance(classes, tuple) else ()  # no JSON has a tuple: it is from above
    return str(one.get("category")), require_number(one.get("confidence"), ".confidence"), *box, own
