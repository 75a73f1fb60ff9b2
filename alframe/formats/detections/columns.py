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
    """Classes by falling confidence."""
    return tuple(sorted(classes, key=lambda pair: -pair[1]))


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing that a detector saw: its category by name, `box` as fractions of the image as the file has them.

    `classifications` are (class name, confidence), best first.
    """

    category: str
    confidence: float
    box: Box
    classifications: ClassScores = ()


@dataclass(frozen=True, slots=True)
class ImageDetections:
    """What a file says of one image: a row for each detection, or in `failure` why there is no answer.

    Categories and classes are called as in the file: its dictionaries are known only at its end.
    """

    path: str
    rows: tuple[DetectionRow, ...] = ()
    failure: str | None = None


@dataclass
class Detections(Mapping[str, tuple[Detection, ...]]):
    """Image path -> its detections, both in the file's order; paths as the file has them, but with forward slashes.

    An image in `failures` (path -> reason) was not processed and is none of the keys. `info` is what the file says of
    the detector: MegaDetector's `info` object, or as much of it as the program tells. `categories` are the names.
    Of an image that is listed twice the later entry counts. The columns: the detections of image number i are
    `starts[i]` to `starts[i + 1]` in `category` (n,) numbers of `categories`, `confidence` (n,) and `box` (n, 4).
    """

    program: str
    info: Mapping[str, Any] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    number: dict[str, int] = field(default_factory=dict)  # path -> image number
    categories: tuple[str, ...] = ()
    starts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    category: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    confidence: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    box: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4)))
    classes: list[ClassScores] = field(default_factory=list)
    class_names: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, path: str) -> tuple[Detection, ...]:
        at = self.number[path]
        return tuple(
            Detection(
                self.categories[self.category[row]],
                float(self.confidence[row]),
                Box(*self.box[row].tolist()),
                tuple((self.class_names.get(name, name), confidence) for name, confidence in self.classes[row]),
            )
            for row in range(self.starts[at], self.starts[at + 1])
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.number)

    def __len__(self) -> int:
        return len(self.number)


class DetectionsBuilder:
    """Takes entries as they are read, and gives the Detections when all dictionaries are known."""

    def __init__(self) -> None:
        self.failures: dict[str, str] = {}
        self.number: dict[str, int] = {}
        self.starts = array("q", [0])
        self.numbers: dict[str, int] = {}  # category as the file has it -> number
        self.category = array("q")
        self.values = array("d")  # confidence, x, y, w, h
        self.classes: list[ClassScores] = []

    def add(self, entry: ImageDetections) -> None:
        """Keep what the file says of one image."""
        path = entry.path.replace("\\", "/")
        self.number.pop(path, None)
        self.failures.pop(path, None)
        if entry.failure is not None:
            self.failures[path] = entry.failure
            return
        self.number[path] = len(self.starts) - 1
        for category, *values, classes in entry.rows:
            self.category.append(self.numbers.setdefault(category, len(self.numbers)))
            self.values.extend(values)
            self.classes.append(classes)
        self.starts.append(len(self.category))

    def finish(
        self, program: str, info: Mapping[str, Any], names: Mapping[str, str], classes: Mapping[str, str]
    ) -> Detections:
        """All of it; `names` are the categories by what the file calls them."""
        values = np.frombuffer(self.values).reshape(-1, 5) if self.values else np.zeros((0, 5))
        return Detections(
            program,
            info,
            self.failures,
            self.number,
            tuple(names[one] for one in self.numbers),
            np.frombuffer(self.starts, np.int64),
            np.frombuffer(self.category, np.int64) if self.category else np.zeros(0, np.int64),
            values[:, 0],
            values[:, 1:],
            self.classes,
            classes,
        )
