"""Detections by image, held as columns: a million images in less memory than their file takes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from alframe.types import Box

ClassScores = tuple[tuple[str, float], ...]  # (class, confidence), best first
DetectionRow = tuple[str, float, float, float, float, float, ClassScores]  # category, confidence, x, y, w, h, classes


def sort_best_first(classes: Iterable[tuple[str, float]]) -> ClassScores:
    """Return the classes by falling confidence."""
    return tuple(sorted(classes, key=lambda pair: -pair[1]))


@dataclass(frozen=True, slots=True)
class Detection:
    """One object that a detector saw; `box` is in fractions of the image, `classifications` are best first."""

    category: str
    confidence: float
    box: Box
    classifications: ClassScores = ()


@dataclass(frozen=True, slots=True)
class ImageDetections:
    """The detections of one image, with categories and classes as in the file, or why it was not processed."""

    path: str
    rows: tuple[DetectionRow, ...] = ()
    failure: str | None = None


@dataclass
class Detections(Mapping[str, tuple[Detection, ...]]):
    """Image path -> its detections, both in the file's order; paths as the file has them, but with forward slashes.

    An image in `failures` (path -> reason) was not processed and is not in the mapping. `info` is what the file says
    of the detector: MegaDetector's `info` object, or as much of it as the program tells. Of an image that is listed
    twice the later entry counts. In columns, the detections of image number i are `starts[i]` to `starts[i + 1]` in
    `category` (n,), numbers of `categories`, in `confidence` (n,) and in `box` (n, 4).
    """

    program: str
    info: Mapping[str, Any] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    image_numbers: dict[str, int] = field(default_factory=dict)  # by path
    categories: tuple[str, ...] = ()
    starts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    category: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    confidence: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    box: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4)))
    classes: list[ClassScores] = field(default_factory=list)
    class_names: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, path: str) -> tuple[Detection, ...]:
        number = self.image_numbers[path]
        return tuple(
            Detection(
                self.categories[self.category[row]],
                float(self.confidence[row]),
                Box(*self.box[row].tolist()),
                tuple((self.class_names.get(name, name), confidence) for name, confidence in self.classes[row]),
            )
            for row in range(self.starts[number], self.starts[number + 1])
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.image_numbers)

    def __len__(self) -> int:
        return len(self.image_numbers)


class DetectionsBuilder:
    """Collects images as they are read, and builds the Detections when all dictionaries are known."""

    def __init__(self) -> None:
        self.failures: dict[str, str] = {}
        self.image_numbers: dict[str, int] = {}
        self.starts = array("q", [0])
        self.category_numbers: dict[str, int] = {}  # category as the file has it -> number
        self.category = array("q")
        self.values = array("d")  # confidence, x, y, w, h
        self.classes: list[ClassScores] = []

    def add(self, image: ImageDetections) -> None:
        """Add an image; an earlier entry of the same path is dropped."""
        path = image.path.replace("\\", "/")
        self.image_numbers.pop(path, None)
        self.failures.pop(path, None)
        if image.failure is not None:
            self.failures[path] = image.failure
            return
        self.image_numbers[path] = len(self.starts) - 1
        for category, *values, classes in image.rows:
            self.category.append(self.category_numbers.setdefault(category, len(self.category_numbers)))
            self.values.extend(values)
            self.classes.append(classes)
        self.starts.append(len(self.category))

    def build(
        self, program: str, info: Mapping[str, Any], category_names: Mapping[str, str], class_names: Mapping[str, str]
    ) -> Detections:
        """Build the Detections; the names are keyed by the file's codes of categories and classes."""
        values = np.asarray(self.values).reshape(-1, 5)
        categories = tuple(category_names[category] for category in self.category_numbers)
        starts, category = np.asarray(self.starts), np.asarray(self.category)
        columns = (starts, category, values[:, 0], values[:, 1:], self.classes)
        return Detections(program, info, self.failures, self.image_numbers, categories, *columns, class_names)
