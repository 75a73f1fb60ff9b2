"""A folder for each class, with links to its images."""

from __future__ import annotations

import csv
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from alframe.contracts import SavedModel
from alframe.errors import BadParams
from alframe.kit.exporting import explain_write_errors, final_classes
from alframe.progress import Bar
from alframe.store.files import check_room, replacing
from alframe.store.links import place
from alframe.store.names import RESERVED, UNSAFE, folder_name
from alframe.types import UNSURE, Predictions

log = logging.getLogger(__name__)

LIST = "images.csv"
COLUMNS = ("folder", "name", "path", "by", "confidence")
LONGEST = 60  # characters of a name, so that the whole path stays short enough for Windows


class _Entry(NamedTuple):
    class_name: str
    image: str
    source: Path
    by: str
    confidence: float


class Folders:
    """Writes `folders/<class>/` with every image, and `folders/images.csv`, which says what each of them is.

    An image is where people have put it, else (with `predictions`) where the model does; what the model is less sure
    of than `min_confidence` is in `unsure`. Hard links where they can be, else symbolic ones, else copies; `copy` makes
    copies always, which can be changed without changing the originals.
    """

    def __init__(self, predictions: bool = True, min_confidence: float = 0.0, copy: bool = False) -> None:
        if not 0 <= min_confidence <= 1:
            raise BadParams(f"exporter.folders.min_confidence is {min_confidence}; it must be between 0 and 1.")
        self.predictions = predictions
        self.min_confidence = min_confidence
        self.copy = copy

    def export(self, predictions: Predictions, model: SavedModel, folder: Path) -> list[Path]:
        """Replace the folder as a whole; gives the folder. Raises StoreError if the disk will not."""
        target = folder / "folders"
        with explain_write_errors(target), replacing(target) as temporary:
            temporary.mkdir()
            self._fill(temporary, predictions)
        return [target]

    def _fill(self, folder: Path, predictions: Predictions) -> None:
        entries = self._entries(predictions)
        names = _names([(entry.class_name, entry.image) for entry in entries])
        folders = _folder_names(entry.class_name for entry in entries)
        gone = []
        for name in folders.values():
            (folder / name).mkdir()
        copied = 0
        with (
            (folder / LIST).open("w", newline="", encoding="utf-8-sig") as handle,
            Bar("Class folders", len(entries), "img") as bar,
        ):
            rows = csv.writer(handle)
            rows.writerow(COLUMNS)
            for at, (entry, name) in enumerate(zip(entries, names, strict=True), 1):
                place_in, size = folders[entry.class_name], 0
                try:
                    size = place(entry.source, folder / place_in / name, self.copy)
                except FileNotFoundError:
                    gone.append(entry.image)
                else:
                    rows.writerow((place_in, name, entry.image, entry.by, f"{entry.confidence:.4f}"))
                if size and not copied:  # only now it is known that links cannot be had
                    check_room(folder, _size(one.source for one in entries[at:]))
                copied += size
                bar.advance(read=size, written=size)
        if gone:
            log.warning(
                "%d of %d images are no longer there and so not in the class folders, e.g. %s. If a disk is not "
                "connected, connect it and export again.",
                *(len(gone), len(entries), gone[0]),
            )

    def _entries(self, predictions: Predictions) -> list[_Entry]:
        """What goes where; an image with two animals of one class is there once."""
        final = final_classes(predictions)
        found: dict[tuple[str, str], _Entry] = {}
        for item, name, confidence, label in zip(
            predictions.items, final.class_names, final.confidence.tolist(), final.labels, strict=True
        ):
            if label is None and not self.predictions:
                continue
            class_name = name if confidence >= self.min_confidence else UNSURE  # a label's confidence is 1
            by = "prediction" if label is None else "label"
            entry = _Entry(class_name, item.image, item.path, by, confidence)
            if label is not None or (class_name, entry.image) not in found:
                found[class_name, entry.image] = entry
        return list(found.values())


def _size(sources: Iterable[Path]) -> int:
    """Bytes of those that are there."""
    total = 0
    for source in sources:
        with suppress(OSError):
            total += source.stat().st_size
    return total


def _names(images: Sequence[tuple[str, str]]) -> list[str]:
    """A file name for each (class, image id): the folders' names before its own, made unique where it must be."""
    plain = [_plain(image) for _, image in images]
    keys = [(where, _key(name)) for (where, _), name in zip(images, plain, strict=True)]
    times = Counter(keys)
    return [
        name if times[key] == 1 and len(name) <= LONGEST else _marked(name, image)
        for name, key, (_, image) in zip(plain, keys, images, strict=True)
    ]


def _plain(image: str) -> str:
    name = UNSAFE.sub("_", image.replace("/", "_")).strip(". ")
    return f"_{name}" if not name or name.split(".")[0].casefold().strip() in RESERVED else name


def _marked(name: str, image: str) -> str:
    stem, dot, suffix = name.rpartition(".") if "." in name else (name, "", "")
    digest = blake2b(image.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{stem[-LONGEST + 20 :].lstrip('. ')}~{digest}{dot}{suffix[:10]}"


def _folder_names(classes: Iterable[str]) -> dict[str, str]:
    """Class to folder name; two classes that some file system cannot tell apart are numbered."""
    names: dict[str, str] = {}
    taken = {_key(LIST)}
    for class_name in sorted(set(classes), key=lambda name: (name != UNSURE, name)):
        name, number = folder_name(class_name), 1
        while _key(name) in taken:
            number += 1
            name = f"{folder_name(class_name)} ({number})"
        taken.add(_key(name))
        names[class_name] = name
    return names


def _key(name: str) -> str:
    return normalize("NFC", normalize("NFC", name).casefold())
