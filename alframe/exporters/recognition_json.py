"""What the model and people say, as recognitions that Timelapse imports, to select by class and confidence."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alframe.contracts import SavedModel
from alframe.errors import BadParams
from alframe.formats.detections import Detection, Detections, match_images, read_detections
from alframe.formats.recognition import CATEGORIES, WHOLE_IMAGE, write_recognitions
from alframe.kit.exporting import FinalClasses, explain_write_errors, final_classes, top_classes
from alframe.progress import track
from alframe.types import Box, Item, Predictions, pool_root

log = logging.getLogger(__name__)

NAME = "recognitionData.json"
THRESHOLD = 0.05  # Timelapse drops classes below 0.4 of this, and people want to see the least certain images
USUAL = {"typical_detection_threshold": 0.2, "conservative_detection_threshold": 0.05}
LEAST = 0.0005  # a probability that is not 0 in three decimals
LIKE_PERSON = ("human", "people")  # what classifiers call the detectors' category


@dataclass(frozen=True, slots=True)
class _Original:
    """The detector's file, and under which path it has each image."""

    found: Detections
    paths: Mapping[str, str]

    def boxes(self, image: str) -> list[Detection]:
        if image not in self.paths:
            return []
        return [replace(one, classifications=()) for one in self.found[self.paths[image]]]


class RecognitionJson:
    """Writes `recognitionData.json` in MegaDetector's format, with one entry for each image of the pool.

    `detections` is the detector's own file: all its boxes stay, since Timelapse replaces what it had of an image. A
    class goes to the box that an item was cut from, and for a whole image to all boxes of its category (animal, unless
    the class is a person or a vehicle). Where there is no such box, one is made of the whole image. An image of a class
    in `blank` gets none. Only the `top` classes are written; what somebody has said has the confidence 1.
    """

    def __init__(
        self, detections: str | Path | None = None, blank: Sequence[str] = ("blank", "empty"), top: int = 5
    ) -> None:
        if top < 1:
            raise BadParams(f"exporter.recognition_json.top is {top}; it must be at least 1.")
        self.detections = None if detections is None else Path(detections)
        self.blank = tuple(name.casefold() for name in ([blank] if isinstance(blank, str) else blank))
        self.top = top

    def export(self, predictions: Predictions, model: SavedModel, folder: Path) -> list[Path]:
        """Replace the file. Raises FormatError for detections that cannot be read or are of other images."""
        file = folder / NAME
        rows: dict[str, list[int]] = {}
        for row, item in enumerate(predictions.items):
            rows.setdefault(item.image, []).append(row)
        original = self._original({image: predictions.items[own[0]] for image, own in rows.items()})
        if original is None and any(item.box is not None for item in predictions.items):
            log.warning(
                "%s has only the boxes that the model looked at: Timelapse will forget all others. "
                "Set exporter.recognition_json.detections to the detector's file to keep them.",
                NAME,
            )
        final = final_classes(predictions)
        found = original.found if original else Detections("none: boxes of whole images")
        classes = list(dict.fromkeys((*predictions.classes, *final.class_names)))
        with explain_write_errors(file):
            images = self._images(predictions, final, rows, original)
            write_recognitions(file, images, classes, _info(predictions, found), found.categories)
        return [file]

    def _original(self, items: Mapping[str, Item]) -> _Original | None:
        if self.detections is None:
            return None
        whole = [item if item.id == image else replace(item, id=image) for image, item in items.items()]
        found = read_detections(self.detections, pool_root(whole))
        hits = match_images(whole, found.number, self.detections.absolute())
        path_of = {number: path for path, number in found.number.items()}
        paths = {image: path_of[hit] for image, hit in zip(items, hits.tolist(), strict=True) if hit >= 0}
        if len(paths) < len(items):
            log.warning(
                "%d of %d images are not in %s, e.g. %s. Each gets a box of the whole image.",
                *(len(items) - len(paths), len(items), self.detections, next(one for one in items if one not in paths)),
            )
        return _Original(found, paths)

    def _images(
        self, predictions: Predictions, final: FinalClasses, rows: Mapping[str, list[int]], original: _Original | None
    ) -> Iterator[tuple[str, list[Detection]]]:
        order, confidence = top_classes(predictions.probs, self.top)
        for image, own in track(rows.items(), "Recognitions", len(rows), "img"):
            boxes = original.boxes(image) if original else []
            for row in own:
                classes = [(final.class_names[row], 1.0)]
                if final.labels[row] is None:
                    pairs = list(zip(order[row].tolist(), confidence[row].tolist(), strict=True))
                    likely = pairs[:1] + [pair for pair in pairs[1:] if pair[1] >= LEAST]
                    classes = [(predictions.classes[one], sure) for one, sure in likely]
                self._attach(boxes, predictions.items[row], tuple(classes))
            yield image, boxes

    def _attach(self, boxes: list[Detection], item: Item, classes: tuple[tuple[str, float], ...]) -> None:
        """Put the classes on the boxes they belong to, or make one."""
        name = classes[0][0]
        category = _category(name)
        if item.box is None:
            places = [at for at, one in enumerate(boxes) if _category(one.category) == category]
        else:
            places = _cut_from(boxes, item, item.box)
        for at in places:
            boxes[at] = replace(boxes[at], classifications=classes)
        if not places and name.casefold() not in self.blank:
            boxes.append(Detection(category, 1.0, item.box or WHOLE_IMAGE, classes))


def _category(name: str) -> str:
    """The detectors' category that a class, or a category of some other detector, belongs to."""
    plain = name.strip().casefold()
    return "person" if plain in LIKE_PERSON else plain if plain in CATEGORIES else "animal"


def _cut_from(boxes: Sequence[Detection], item: Item, box: Box) -> list[int]:
    """Which of the boxes the item was cut from: one of the same words, or one much alike; the nearest of those."""
    words = item.meta.get("detected")
    shares = {at: _shared(one.box, box) for at, one in enumerate(boxes)}
    same = [at for at in shares if f"{boxes[at].category} {boxes[at].confidence:.3f}" == words and shares[at] > 0]
    near = same or [at for at in shares if shares[at] > 0.5]  # the words alone outlast a margin around the box
    return [max(near, key=lambda at: shares[at])] if near else []


def _shared(a: Box, b: Box) -> float:
    """The part that two boxes have in common: their intersection over their union."""
    width = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    height = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a.w * a.h + b.w * b.h - width * height)


def _info(predictions: Predictions, found: Detections) -> dict[str, Any]:
    """The detector as its own file has it; the thresholds are those that Timelapse takes where none are known."""
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    own = {key: found.info.get(key) for key in ("detector", "detection_completion_time")}
    about = found.info.get("detector_metadata")
    return {
        "detector": found.program,
        "detection_completion_time": now,
        **{key: value for key, value in own.items() if isinstance(value, str)},
        "detector_metadata": {**USUAL, **(about if isinstance(about, dict) else {})},
        "classifier": f"alframe round {predictions.round}",
        "classification_completion_time": now,
        "classifier_metadata": {"typical_classification_threshold": THRESHOLD},
    }
