"""People drag the images into one folder per class, with the file manager they know."""

from __future__ import annotations

import csv
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from alframe.errors import LabelError
from alframe.formats.digests import digest
from alframe.formats.tables import Row, rows
from alframe.label_sources.classes import check_policy, describe, resolver
from alframe.label_sources.names import file_name, folder_name, is_litter
from alframe.label_sources.rounds import count, round_folder
from alframe.store.files import replacing
from alframe.types import Answers, Item, ItemId, Label, Problem, Request

MANIFEST = "manifest.csv"
COLUMNS = ("name", "id", "hash")
DEPTH = 5  # how deep folders are searched; a folder linked into itself would otherwise never end


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the manifest: the name an image was given, whose it is, and the BLAKE2b hash of its content."""

    name: str
    id: ItemId
    hash: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """A file in the round's folder: the folders it is in (outermost first) and the image it is, if it is one."""

    file: Path
    inside: tuple[str, ...]
    id: ItemId | None


class Folder:
    """`round-003/` with the images to label, an empty folder for each class, and a manifest of what is what.

    `link` makes hard links instead of copies where the file system can: no room is taken, but a program that changes
    an image in place (a viewer that rotates it) then changes the original.
    """

    answers_now = False

    def __init__(self, link: bool = False, new_classes: str = "ask", annotator: str = "") -> None:
        self.link = link
        self.new_classes = check_policy(new_classes)
        self.annotator = annotator

    def request(self, request: Request) -> str:
        """Put every image that is nowhere in the round's folder into it; one that has been moved stays moved."""
        folder = round_folder(request)
        try:
            for name in _class_folders(request.classes):
                (folder / name).mkdir(parents=True, exist_ok=True)
            entries = _list(folder, request.items)
            there = {sighting.id for sighting in _look(folder, entries)}
            names = {entry.id: entry.name for entry in entries}
            for item in request.items:
                if item.id not in there:
                    self._place(item.path, folder / names[item.id])
        except OSError as error:
            raise LabelError(
                f"Cannot put the images to label into {folder}: {error}. Check that the image is still there, that the "
                "disk has room, and on Windows that the path is not too long; then run the command again."
            ) from error
        return (
            f"Round {request.round}: {count(len(request.items), 'image')} to label in {folder}. "
            "Move each into the folder of its class and run the same command again; what you cannot tell, leave where "
            f"it is. {describe(request.classes, self.new_classes)}"
        )

    def collect(self, request: Request) -> Answers:
        """The class folder each image lies in; an image in two class folders has no answer until one is removed."""
        folder = round_folder(request)
        entries, problems = _manifest(folder)
        asked = {item.id for item in request.items}
        known = _class_folders(request.classes)
        resolve = resolver(request.classes, self.new_classes)
        classes: dict[str, str | None] = {}  # class folder -> class, None where it has been reported
        answers: dict[ItemId, dict[str, Path]] = defaultdict(dict)
        for sighting in _look(folder, entries):
            if not sighting.inside:
                continue
            if sighting.id not in asked:
                message = (
                    "is none of the images of this round, or cannot be read, or could be several of them. "
                    "Move it out of here."
                )
                problems.append(Problem(str(sighting.file), None, message))
                continue
            if len(sighting.inside) > 1:
                message = f"lies too deep. Move it up, into the folder of a class directly in {folder}."
                problems.append(Problem(str(sighting.file), None, message))
                continue
            name = sighting.inside[0]
            if name not in classes:
                try:
                    classes[name] = known.get(normalize("NFC", name)) or resolve(name)
                except LabelError as error:
                    classes[name] = None
                    problems.append(Problem(str(folder / name), None, f"Folder {error}"))
            if class_name := classes[name]:
                answers[sighting.id].setdefault(class_name, sighting.file)
        labels = []
        for item in request.items:
            found = answers.get(item.id, {})
            if len(found) > 1:
                others = " and ".join(str(file) for file in list(found.values())[1:])
                message = f"is also {others}: one image, {len(found)} classes. Keep it in one folder."
                problems.append(Problem(str(next(iter(found.values()))), None, message))
            labels += [
                Label(item.id, name, self.annotator, file=str(file)) for name, file in found.items() if len(found) == 1
            ]
        return Answers(labels, problems)

    def _place(self, source: Path, target: Path) -> None:
        if self.link:
            with suppress(OSError):  # another disk, or a file system without links: a copy does as well
                os.link(source.resolve(), target)
                return
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)
            times = source.stat()
            os.utime(temporary, ns=(times.st_atime_ns, times.st_mtime_ns))  # so that viewers sort bursts by time


def _class_folders(classes: Sequence[str]) -> dict[str, str]:
    """Folder name to class. Raises LabelError where two classes cannot have folders side by side."""
    table: dict[str, str] = {}
    for name in classes:
        table[normalize("NFC", folder_name(name))] = name
    if len({folder.casefold() for folder in table}) < len(classes):
        raise LabelError(
            f"Some of the classes {', '.join(classes)} differ only in case, so not every file system can hold "
            "a folder for each. Rename one, or use label_source=csv."
        )
    return table


def _manifest(folder: Path) -> tuple[list[Entry], list[Problem]]:
    if not folder.is_dir():
        return [], []
    read = list(rows(folder / MANIFEST, COLUMNS))
    lines = [row for row in read if isinstance(row, Row) and row.get("name") and row.get("id")]
    return [Entry(*map(row.get, COLUMNS)) for row in lines], [bad for bad in read if isinstance(bad, Problem)]


def _list(folder: Path, items: Sequence[Item]) -> list[Entry]:
    """The manifest with the items it lacked, written before the first image, so that a kill leaves no riddle."""
    entries, problems = _manifest(folder)
    listed = {entry.id for entry in entries}
    taken = {entry.name for entry in entries}
    width = max(3, len(str(len(items))))
    new = []
    for rank, item in enumerate(items, start=1):
        if item.id in listed:
            continue
        name = file_name(rank, width, item.path)
        while name in taken:
            rank += len(items)
            name = file_name(rank, width, item.path)
        taken.add(name)
        new.append(Entry(name, item.id, digest(item.path)))
    if new or problems:
        folder.mkdir(parents=True, exist_ok=True)
        entries += new
        with (
            replacing(folder / MANIFEST) as temporary,
            temporary.open("w", newline="", encoding="utf-8-sig") as handle,
        ):
            writer = csv.writer(handle)
            writer.writerow(COLUMNS)
            writer.writerows((entry.name, entry.id, entry.hash) for entry in entries)
    return entries


def _look(folder: Path, entries: Sequence[Entry]) -> list[Sighting]:
    """Every file of the round's folder, known by its name, or by its content if somebody has renamed it."""
    by_name = {normalize("NFC", entry.name): entry.id for entry in entries}
    by_hash = defaultdict(list)
    for entry in entries:
        by_hash[entry.hash].append(entry.id)
    files = list(_walk(folder))
    seen = {by_name.get(normalize("NFC", file.name)) for file in files}
    sightings = []
    for file in files:
        item = by_name.get(normalize("NFC", file.name))
        if item is None:
            try:
                same = by_hash[digest(file)]
            except OSError:  # a broken link, a file that another program holds: whose it is cannot be told
                same = []
            # Two images asked may be alike to the byte; then it is the one that is nowhere else, if that is one.
            same = same if len(same) == 1 else [other for other in same if other not in seen]
            item = same[0] if len(same) == 1 else None
        sightings.append(Sighting(file, file.relative_to(folder).parts[:-1], item))
    return sightings


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder, followlinks=True):
        inside = Path(place).relative_to(folder).parts
        folders[:] = sorted(name for name in folders if not is_litter(name)) if len(inside) < DEPTH else []
        for name in sorted(names):
            if not is_litter(name) and not (name == MANIFEST and not inside):
                yield Path(place) / name
