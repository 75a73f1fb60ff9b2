"""Export a folder for each class, with links to its images."""

from __future__ import annotations

import csv
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from alframe.contracts import ExportableModel
from alframe.kit.exporting import explain_write_errors, final_classes
from alframe.kit.files import class_folder_name, flat_file_name, link_or_copy, replace_atomically, require_free_space
from alframe.kit.parameters import require_parameter
from alframe.kit.progress import Bar
from alframe.kit.tables import formula_safe_path
from alframe.types import UNSURE, Predictions

log = logging.getLogger(__name__)

LIST_FILE = "images.csv"
COLUMNS = ("folder", "name", "path", "by", "confidence")
MAX_NAME_LENGTH = 60  # so that the whole path stays short enough for Windows


class _ClassifiedImage(NamedTuple):
    """An image and its class, whose folder it belongs to."""

    class_name: str
    image: str
    source: Path
    by: str
    confidence: float


@dataclass
class Folders:
    """Write a folder `folders/<class>/` for each class, with all images, and the list `folders/images.csv`.

    An image with a label is in the folder of its label. The files are hard links if possible, else symbolic links, else
    copies.
    """

    predictions: bool = True
    min_confidence: float = 0.0
    copy: bool = False

    def __post_init__(self) -> None:
        is_valid = 0 <= self.min_confidence <= 1
        require_parameter("exporter 'folders'", is_valid, "between 0 and 1", min_confidence=self.min_confidence)

    def export(self, predictions: Predictions, model: ExportableModel, folder: Path) -> list[Path]:
        """Replace the folder as a whole and return it. Raises StoreError if it cannot be written."""
        target = folder / "folders"
        with explain_write_errors(target), replace_atomically(target) as temporary:
            temporary.mkdir()
            self._fill(temporary, predictions)
        return [target]

    def _fill(self, folder: Path, predictions: Predictions) -> None:
        classified = self._classified_images(predictions)
        file_names = _file_names([(entry.class_name, entry.image) for entry in classified])
        folder_names = _folder_names(entry.class_name for entry in classified)
        missing = []
        for name in folder_names.values():
            (folder / name).mkdir()
        copied_bytes = 0
        with (
            (folder / LIST_FILE).open("w", newline="", encoding="utf-8-sig") as handle,
            Bar("Class folders", len(classified), "img") as bar,
        ):
            writer = csv.writer(handle)
            writer.writerow(COLUMNS)
            for done, (entry, name) in enumerate(zip(classified, file_names, strict=True), 1):
                class_folder, size = folder_names[entry.class_name], 0
                try:
                    size = link_or_copy(entry.source, folder / class_folder / name, self.copy)
                except FileNotFoundError:
                    missing.append(entry.image)
                else:
                    image = formula_safe_path(entry.image)
                    writer.writerow((class_folder, name, image, entry.by, f"{entry.confidence:.4f}"))
                if size and not copied_bytes:  # only now it is known that links are not possible
                    remaining = (each.source for each in classified[done:])
                    require_free_space(folder, sum(file.stat().st_size for file in remaining if file.is_file()))
                copied_bytes += size
                bar.advance(read=size, written=size)
        if missing:
            log.warning(
                "%d of %d images are missing, so they are not in the class folders, e.g. %s. If a disk is not "
                "connected, connect it and export again.",
                *(len(missing), len(classified), missing[0]),
            )

    def _classified_images(self, predictions: Predictions) -> list[_ClassifiedImage]:
        """Return the images of each class. An image with two animals of one class occurs once."""
        final = final_classes(predictions)
        classified: dict[tuple[str, str], _ClassifiedImage] = {}
        for item, name, confidence, label in zip(
            predictions.items, final.class_names, final.confidence.tolist(), final.labels, strict=True
        ):
            if label is None and not self.predictions:
                continue
            class_name = name if confidence >= self.min_confidence else UNSURE  # a label's confidence is 1
            by = "prediction" if label is None else "label"
            if label is not None or (class_name, item.image_id) not in classified:
                classified[class_name, item.image_id] = _ClassifiedImage(
                    class_name, item.image_id, item.path, by, confidence
                )
        return list(classified.values())


def _file_names(images: Sequence[tuple[str, str]]) -> list[str]:
    """Return the file name of each (class, image id): its folders, its own name, and a number if needed."""
    joined = [flat_file_name(image) for _, image in images]
    keys = [(class_name, _name_as_compared(name)) for (class_name, _), name in zip(images, joined, strict=True)]
    times = Counter(keys)
    return [
        name if times[key] == 1 and len(name) <= MAX_NAME_LENGTH else _shorten_and_mark(name, image)
        for name, key, (_, image) in zip(joined, keys, images, strict=True)
    ]


def _shorten_and_mark(name: str, image: str) -> str:
    stem, dot, suffix = name.rpartition(".") if "." in name else (name, "", "")
    digest = blake2b(image.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{stem[-MAX_NAME_LENGTH + 20 :].lstrip('. ')}~{digest}{dot}{suffix[:10]}"


def _folder_names(classes: Iterable[str]) -> dict[str, str]:
    """Return class -> folder name. Names that are equal on some file system get numbers."""
    names: dict[str, str] = {}
    taken = {_name_as_compared(LIST_FILE)}
    for class_name in sorted(set(classes), key=lambda name: (name != UNSURE, name)):
        name, number = class_folder_name(class_name), 1
        while _name_as_compared(name) in taken:
            number += 1
            name = f"{class_folder_name(class_name)} ({number})"
        taken.add(_name_as_compared(name))
        names[class_name] = name
    return names


def _name_as_compared(name: str) -> str:
    return normalize("NFC", normalize("NFC", name).casefold())
