"""Export predictions and labels as recognitions that Timelapse imports, to select by class and confidence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alframe.contracts import ExportableModel
from alframe.formats.detections import Detection, Detections, category_kind, match_detections
from alframe.formats.recognition import CATEGORIES, WHOLE_IMAGE, write_recognitions
from alframe.kit.exporting import FinalClasses, explain_write_errors, final_classes, top_classes
from alframe.kit.parameters import require_at_least
from alframe.kit.progress import track
from alframe.types import Box, Item, Predictions

log = logging.getLogger(__name__)

FILE_NAME = "recognitionData.json"
CLASSIFICATION_THRESHOLD = 0.05  # Timelapse drops classes below 0.4 of it, and people want to see unsure images
DETECTION_THRESHOLDS = {"typical_detection_threshold": 0.2, "conservative_detection_threshold": 0.05}
MIN_PROBABILITY = 0.0005  # below it, a probability is 0 in three decimals
_Lookup = Callable[[str], Sequence[Detection]]  # from an image to its detections


@dataclass
class RecognitionJson:
    """Write `recognitionData.json` in the format of MegaDetector, with one entry for each image of the pool.

    If an item is a box, its class is written to this box. If an item is a whole image, its class is written to all
    boxes of the matching category: person, vehicle, or else animal. If there is no such box, a box is added: the box of
    the item, or a box around the whole image. A label has the confidence 1.

    All boxes of the file `detections` are written again, because Timelapse replaces all boxes of an image when it
    imports a file.
    """

    detections: str | Path | None = None
    blank: Sequence[str] = ("blank", "empty")
    top: int = 5

    def __post_init__(self) -> None:
        require_at_least("exporter 'recognition_json'", 1, top=self.top)
        blank = [self.blank] if isinstance(self.blank, str) else self.blank
        self.blank_names = {name.casefold() for name in blank}

    def export(self, predictions: Predictions, model: ExportableModel, folder: Path) -> list[Path]:
        """Replace the file and return it. Raises FormatError for unreadable detections, or those of other images."""
        file = folder / FILE_NAME
        rows_of: dict[str, list[int]] = {}
        for row, item in enumerate(predictions.items):
            rows_of.setdefault(item.image_id, []).append(row)
        items = {image: predictions.items[rows[0]] for image, rows in rows_of.items()}
        detections, detections_of = self._read_detections(items)
        if self.detections is None and any(item.box is not None for item in predictions.items):
            log.warning(
                "%s contains only the boxes that the model used: Timelapse will forget all others. "
                "Set exporter.recognition_json.detections to the detector's file to keep them.",
                FILE_NAME,
            )
        final = final_classes(predictions)
        classes = list(dict.fromkeys((*predictions.classes, *final.class_names)))
        with explain_write_errors(file):
            images = self._image_detections(predictions, final, rows_of, detections_of)
            write_recognitions(file, images, classes, _info_entry(predictions, detections), detections.categories)
        return [file]

    def _read_detections(self, items: Mapping[str, Item]) -> tuple[Detections, _Lookup]:
        """Read the detector's file; return its content, and a function from an image of `items` to its detections."""
        if self.detections is None:
            return Detections("none: boxes of whole images"), lambda image: ()
        whole_images = [item if item.id == image else replace(item, id=image) for image, item in items.items()]
        file = Path(self.detections).absolute()
        detections, numbers = match_detections(whole_images, file, "Each gets a box of the whole image.")
        path_of = {number: path for path, number in detections.image_numbers.items()}
        paths = {image: path_of[number] for image, number in zip(items, numbers.tolist(), strict=True) if number >= 0}
        return detections, lambda image: detections[paths[image]] if image in paths else ()

    def _image_detections(
        self, predictions: Predictions, final: FinalClasses, rows_of: Mapping[str, list[int]], detections_of: _Lookup
    ) -> Iterator[tuple[str, list[Detection]]]:
        order, probs = top_classes(predictions.probs, self.top)
        for image, rows in track(rows_of.items(), "Recognitions", len(rows_of), "img"):
            boxes = [replace(detection, classifications=()) for detection in detections_of(image)]
            for row in rows:
                classes = [(final.class_names[row], 1.0)]
                if final.labels[row] is None:
                    ranked = list(zip(order[row].tolist(), probs[row].tolist(), strict=True))
                    likely = ranked[:1] + [pair for pair in ranked[1:] if pair[1] >= MIN_PROBABILITY]
                    classes = [(predictions.classes[number], probability) for number, probability in likely]
                self._attach_classes_or_add_box(boxes, predictions.items[row], tuple(classes))
            yield image, boxes

    def _attach_classes_or_add_box(
        self, boxes: list[Detection], item: Item, classes: tuple[tuple[str, float], ...]
    ) -> None:
        class_name = classes[0][0]
        category = _detector_category(class_name)
        if item.box is None:
            positions = [position for position, box in enumerate(boxes) if _detector_category(box.category) == category]
        else:
            source_box = _find_source_box(boxes, item, item.box)
            positions = [] if source_box is None else [source_box]
        for position in positions:
            boxes[position] = replace(boxes[position], classifications=classes)
        if not positions and class_name.casefold() not in self.blank_names:
            boxes.append(Detection(category, 1.0, item.box or WHOLE_IMAGE, classes))


def _detector_category(name: str) -> str:
    """Return the category (animal, person or vehicle) of a class or of a category of another detector."""
    kind = category_kind(name)
    return kind if kind in CATEGORIES else "animal"


def _find_source_box(boxes: Sequence[Detection], item: Item, item_box: Box) -> int | None:
    """Return the position of the box that the item was cut from; None if there is none.

    It has the category and confidence that the item stores, or overlaps the item by more than half. The box with the
    largest overlap is taken.
    """
    detected = item.meta.get("detected")
    overlaps = [_intersection_over_union(box.box, item_box) for box in boxes]
    remembered = [
        position
        for position, box in enumerate(boxes)
        if f"{box.category} {box.confidence:.3f}" == detected and overlaps[position] > 0
    ]
    # The words alone outlast a margin around the box.
    candidates = remembered or [position for position, overlap in enumerate(overlaps) if overlap > 0.5]
    return max(candidates, key=lambda position: overlaps[position], default=None)


def _intersection_over_union(a: Box, b: Box) -> float:
    width = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    height = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a.w * a.h + b.w * b.h - width * height)


def _info_entry(predictions: Predictions, detections: Detections) -> dict[str, Any]:
    """Return the entry `info`: the detector from its own file, with Timelapse's thresholds if none are known."""
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    stated = {key: detections.info.get(key) for key in ("detector", "detection_completion_time")}
    metadata = detections.info.get("detector_metadata")
    return {
        "detector": detections.program,
        "detection_completion_time": now,
        **{key: value for key, value in stated.items() if isinstance(value, str)},
        "detector_metadata": {**DETECTION_THRESHOLDS, **(metadata if isinstance(metadata, dict) else {})},
        "classifier": f"alframe round {predictions.round}",
        "classification_completion_time": now,
        "classifier_metadata": {"typical_classification_threshold": CLASSIFICATION_THRESHOLD},
    }
