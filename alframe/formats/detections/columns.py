"""Detections by image, stored as columns, so that a million images take less memory than their file."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from unicodedata import normalize

import numpy as np
import numpy.typing as npt

from alframe.formats.skipped import SkippedRecords
from alframe.types import Box

# That of MegaDetector 2 to 4; later versions have 0.2 (MegaDetector's run_detector.py).
OLD_MEGADETECTOR_THRESHOLD = 0.8
_OLD_MEGADETECTOR = re.compile(r"(?:megadetector|^md)[ _-]*v?[234](?:\D|\Z)", re.IGNORECASE)
_OLD_VERSION = re.compile(r"v?[234](?:\.\d+)*", re.IGNORECASE)

# Fractions of the picture as it is seen or as it is stored (before its EXIF orientation turns it), or stored pixels.
Frame = Literal["upright", "stored", "pixels"]
ClassScores = tuple[tuple[str, float], ...]  # (class, confidence), best first
DetectionRow = tuple[str, float, float, float, float, float, ClassScores]  # category, confidence, x, y, w, h, classes
# In English, and the commonest words in German, French, Spanish, Portuguese, Italian and Dutch.
_PERSON_WORDS = {
    "person", "human", "people", "man", "woman", "child", "pedestrian", "hiker", "cyclist", "homo sapiens", "humans",
    "human being", "mensch", "menschen", "homme", "humain", "personne", "humano", "persona", "gente", "pessoa",
    "human adult", "human child", "persone", "umano", "uomo", "mens", "mensen", "persoon",
}  # fmt: skip
_VEHICLE_WORDS = {
    "vehicle", "car", "truck", "lorry", "bus", "van", "motorcycle", "motorbike", "bicycle", "bike", "atv", "quad",
    "tractor", "train", "boat", "ship", "airplane", "aeroplane", "plane", "fahrzeug", "fahrzeuge", "auto", "véhicule",
    "vehicule", "voiture", "vehículo", "vehiculo", "coche", "veículo", "veiculo", "carro", "veicolo", "macchina",
    "voertuig", "voertuigen", "motor vehicle", "off road vehicle", "pickup truck",
}  # fmt: skip
_EMPTY_WORDS = {
    "empty", "blank", "none", "nothing", "background", "false positive", "leer", "nichts", "vide", "rien", "vacío",
    "vacio", "vazio", "vuoto", "leeg",
}  # fmt: skip


def sort_best_first(classes: Iterable[tuple[str, float]]) -> ClassScores:
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
    """The detections of one image, with categories and classes as in the file, or the reason why there are none.

    `problems` describe detections that cannot be used, and `class_problems` classifications that cannot be used.
    """

    path: str
    rows: tuple[DetectionRow, ...] = ()
    failure: str | None = None
    problems: tuple[str, ...] = ()
    class_problems: tuple[str, ...] = ()


@dataclass
class Detections(Mapping[str, tuple[Detection, ...]]):
    """A mapping from image path to its detections, both in the file's order. Paths are as in the file, with slashes.

    An image in `failures` (path -> reason) was not processed and is not in the mapping. `info` describes the detector:
    the `info` object of MegaDetector, or as much of it as the program gives. If an image is listed twice, detections
    count more than a failure, and the later entry counts more than an earlier one. `frame` is the unit of the boxes. In
    the columns, the detections of image number i are `starts[i]` to `starts[i + 1]` in `category` (n,), which has
    numbers of `categories`, in `confidence` (n,) and in `box` (n, 4).
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
    frame: Frame = "upright"

    @property
    def threshold(self) -> float | None:
        """The lowest confidence of a detection that counts, by the file; None if the file gives no such number."""
        value = self.stated_threshold
        try:
            threshold = float(value) if isinstance(value, int | float | str) and value is not True else 0.0
        except ValueError:
            threshold = 0.0
        return threshold if 0 < threshold <= 1 else None

    @property
    def stated_threshold(self) -> object:
        """The typical threshold in the file, even if it is not a valid threshold; None if the file has none."""
        metadata = self.info.get("detector_metadata")
        return metadata.get("typical_detection_threshold") if isinstance(metadata, Mapping) else None

    @property
    def is_old_megadetector(self) -> bool:
        """Whether the detector is MegaDetector 2, 3 or 4, by its name or by the version that the file gives."""
        metadata = self.info.get("detector_metadata")
        version = metadata.get("megadetector_version") if isinstance(metadata, Mapping) else None
        has_name = bool(_OLD_MEGADETECTOR.search(str(self.info.get("detector"))))
        return has_name or bool(_OLD_VERSION.fullmatch(str(version).strip()))

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

    def __init__(self, skipped: SkippedRecords) -> None:
        self.skipped = skipped
        self.failures: dict[str, str] = {}
        self.image_numbers: dict[str, int] = {}
        self.starts = array("q", [0])
        self.category_numbers: dict[str, int] = {}  # category as the file has it -> number
        self.category = array("q")
        self.values = array("d")  # confidence, x, y, w, h
        self.classes: list[ClassScores] = []

    def add_image(self, image: ImageDetections, position: str) -> None:
        """Add an image from this position in the file. A failure does not replace detections that exist already."""
        path = image.path.strip().replace("\\", "/").removeprefix("./")
        for problem in image.problems:
            self.skipped.add("detections are skipped", f"{position} ('{path}'){problem}")
        for problem in image.class_problems:
            self.skipped.add("classifications are skipped, and their boxes are used", f"{position} ('{path}'){problem}")
        if image.failure is not None:
            if path not in self.image_numbers:
                self.failures[path] = image.failure
            return
        if image.problems and not image.rows:
            if path not in self.image_numbers:
                self.failures[path] = "none of its detections can be used"
            return
        self.failures.pop(path, None)
        start, before = len(self.category), self.image_numbers.pop(path, None)
        for category, *values, classes in image.rows:
            self.category.append(self.category_numbers.setdefault(category, len(self.category_numbers)))
            self.values.extend(values)
            self.classes.append(classes)
        if before is not None and self._rows(*self.starts[before : before + 2]) != self._rows(
            start, len(self.category)
        ):
            self.skipped.add(
                "images are listed twice with different detections, and the later ones count",
                f"{position} ('{path}'). Keep one entry of each.",
            )
        self.image_numbers[path] = len(self.starts) - 1
        self.starts.append(len(self.category))

    def build(
        self,
        program: str,
        info: Mapping[str, Any],
        category_names: Mapping[str, str],
        class_names: Mapping[str, str],
        frame: Frame,
    ) -> Detections:
        """Build the Detections. The names are given by the file's codes of categories and classes.

        Detections of a category without a name are left out. An image that has only such detections counts as failed.
        """
        values = np.asarray(self.values).reshape(-1, 5)
        starts, category = np.asarray(self.starts), np.asarray(self.category)
        columns = (starts, category, values[:, 0], values[:, 1:], self.classes)
        codes = list(self.category_numbers)
        names = tuple(category_names.get(code, code) for code in codes)
        found = Detections(program, info, self.failures, self.image_numbers, names, *columns, class_names, frame)
        is_known = np.array([code in category_names for code in codes], bool)
        return found if is_known.all() else self._without_unknown(found, is_known[category])

    def _without_unknown(self, detections: Detections, is_known: npt.NDArray[np.bool_]) -> Detections:
        unknown = np.flatnonzero(~is_known)
        images = np.searchsorted(detections.starts, unknown, side="right") - 1
        paths = {number: path for path, number in detections.image_numbers.items()}
        code = detections.categories[detections.category[unknown[0]]]
        self.skipped.add(
            "detections have a category that the file's dictionary of categories does not name, and are skipped",
            f"{code!r} in '{paths.get(int(images[0]), 'an earlier entry')}'",
            len(unknown),
        )
        starts = np.concatenate([[0], np.cumsum(is_known)])[detections.starts]
        emptied = set(images.tolist()) & set(np.flatnonzero(np.diff(starts) == 0).tolist())
        failures = {paths[number]: "all its detections are of unknown categories" for number in emptied & set(paths)}
        return replace(
            detections,
            failures=detections.failures | failures,
            image_numbers={path: number for path, number in detections.image_numbers.items() if number not in emptied},
            starts=starts,
            category=detections.category[is_known],
            confidence=detections.confidence[is_known],
            box=detections.box[is_known],
            classes=[classes for classes, known in zip(detections.classes, is_known.tolist(), strict=True) if known],
        )

    def _rows(self, start: int, end: int) -> tuple[object, ...]:
        return self.category[start:end], self.values[5 * start : 5 * end], self.classes[start:end]


def category_kind(name: str) -> str:
    """Return "person", "vehicle" or "empty" for a category or class of that meaning, and "animal" for all others."""
    name = re.sub(r"[\s_-]+", " ", normalize("NFC", name)).strip().casefold()
    for kind, names in (("person", _PERSON_WORDS), ("vehicle", _VEHICLE_WORDS), ("empty", _EMPTY_WORDS)):
        if name in names or (name.endswith("s") and name[:-1] in names):
            return kind
    return "animal"
