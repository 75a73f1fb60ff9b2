"""Gather the labels and the prediction of each image, which may have several boxes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from alframe.kit.exporting import final_classes
from alframe.types import Predictions


@dataclass(frozen=True, slots=True)
class ImageClasses:
    """The labels of the image at `path` (several, if it has several boxes), and the model's surest prediction."""

    path: Path
    labels: Sequence[str]
    prediction: str
    confidence: float


def classes_by_image(predictions: Predictions, blank: Iterable[str], predicted: bool) -> dict[str, ImageClasses]:
    """Return the classes of each image with a label, or of all if `predicted`; other labels displace `blank` ones."""
    blank_names = {name.casefold() for name in blank}
    images: dict[str, ImageClasses] = {}
    best_classes, confidences = predictions.probs.argmax(axis=1).tolist(), predictions.probs.max(axis=1).tolist()
    labels_of_items = final_classes(predictions).labels
    for item, label, best_class, confidence in zip(
        predictions.items, labels_of_items, best_classes, confidences, strict=True
    ):
        if label is None and not predicted:
            continue
        known = images.get(item.image, ImageClasses(item.path, (), "", -1.0))
        labels = (*known.labels, *([label.class_name] if label else []))
        filled = tuple(name for name in labels if name.casefold() not in blank_names)
        best = (known.prediction, known.confidence)
        if confidence > known.confidence:
            best = (predictions.classes[best_class], confidence)
        images[item.image] = ImageClasses(item.path, filled or labels[:1], *best)
    return images
