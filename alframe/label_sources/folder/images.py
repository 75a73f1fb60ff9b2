"""The images of a round's folder: which there are, and which of those asked for each one is."""

from __future__ import annotations

import csv
import io
import math
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, fields, replace
from hashlib import blake2b
from pathlib import Path
from unicodedata import normalize

from PIL import Image

from alframe.data.viewing import needs_view, view
from alframe.errors import PoolError
from alframe.formats.digests import content_hash
from alframe.formats.tables import TableRow, read_table
from alframe.progress import Bar
from alframe.store.files import replacing
from alframe.store.links import place
from alframe.store.names import file_name, is_litter
from alframe.types import Box, Item, ItemId, Problem

MANIFEST = "manifest.csv"
DEPTH = 5  # how deep folders are searched; a folder linked into itself would otherwise never end
MARGIN = 0.1  # shown around a box, as a part of its longer side


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the manifest: the name an image was given, whose it is, the BLAKE2b hash of its content and its size.

    `again` is not empty where the image had been gone and was put there once more.
    """

    name: str
    id: ItemId
    hash: str
    size: str = ""
    again: str = ""


COLUMNS = tuple(one.name for one in fields(Entry))


@dataclass(frozen=True, slots=True)
class Sighting:
    """A file in the round's folder, the folders it is in (outermost first) and the image it is, if it is one.

    `linked`: it lies in a folder elsewhere, to which there is a link here.
    """

    file: Path
    inside: tuple[str, ...]
    entry: Entry | None
    linked: bool


def read_manifest(folder: Path) -> tuple[list[Entry], list[Problem]]:
    """What was put into the folder, and what is wrong with the list of it; nothing where there is no folder."""
    if not folder.is_dir():
        return [], []
    read = list(read_table(folder / MANIFEST, COLUMNS[:3]))
    lines = [row for row in read if isinstance(row, TableRow) and row.get("name") and row.get("id")]
    return [Entry(*map(row.get, COLUMNS)) for row in lines], [bad for bad in read if isinstance(bad, Problem)]


def lay_out(folder: Path, items: Sequence[Item], link: bool, again: bool) -> None:
    """Put every item that is nowhere in the folder into it. Raises OSError.

    The manifest is written before the first image, so that a kill leaves no riddle. `again`: it was done before, so
    that what is missing had been removed.
    """
    old, problems = read_manifest(folder)
    entries = _with(old, items)
    there = {sighting.entry.id for sighting in look(folder, entries) if sighting.entry}
    if again:
        entries = [one if one.id in there else replace(one, again="yes") for one in entries]
    if entries != old or problems:
        with (
            replacing(folder / MANIFEST) as temporary,
            temporary.open("w", newline="", encoding="utf-8-sig") as handle,
        ):
            writer = csv.writer(handle)
            writer.writerow(COLUMNS)
            writer.writerows(map(astuple, entries))
    names = {entry.id: entry.name for entry in entries}
    missing = [item for item in items if item.id not in there]
    with Bar("Putting the images in place", len(missing), "img") as bar:
        for item in missing:
            size = _place(item, folder / names[item.id], link)
            bar.advance(read=size, written=size)


def look(folder: Path, entries: Sequence[Entry]) -> list[Sighting]:
    """Every file of the round's folder, known by its name, or by its content if somebody has renamed it."""
    by_name = {_folded(entry.name): entry for entry in entries}
    by_hash: dict[str | None, list[Entry]] = defaultdict(list)
    for one in entries:
        by_hash[one.hash].append(one)
    sizes = {entry.size for entry in entries}
    files = list(_walk(folder))
    seen = {by_name.get(_folded(file.name)) for file, _ in files}
    sightings = []
    for file, linked in files:
        # Where several rounds are sorted into one place, their images may have the same names.
        entry: Entry | None = None if linked else by_name.get(_folded(file.name))
        if entry is None or _size(file) != entry.size:
            same = by_hash.get(_hash(file, sizes), [])
            # Two images asked may be alike to the byte; then it is the one that is nowhere else, if that is one.
            same = same if len(same) == 1 else [other for other in same if other not in seen]
            entry = same[0] if len(same) == 1 else entry
        sightings.append(Sighting(file, file.relative_to(folder).parts[:-1], entry, linked))
    return sightings


def _with(entries: list[Entry], items: Sequence[Item]) -> list[Entry]:
    listed = {entry.id for entry in entries}
    taken = {_folded(entry.name) for entry in entries}
    width = max(3, len(str(len(items))))
    new = []
    for rank, item in enumerate(items, start=1):
        if item.id in listed:
            continue
        shown = _is_part(item) or needs_view(item.path)
        path = item.path.with_suffix(".jpg") if shown else item.path
        name = file_name(rank, width, path)
        while _folded(name) in taken:
            rank += len(items)
            name = file_name(rank, width, path)
        taken.add(_folded(name))
        if shown:
            content = _picture(item)
            new.append(Entry(name, item.id, blake2b(content, digest_size=16).hexdigest(), str(len(content))))
        else:
            new.append(Entry(name, item.id, content_hash(item.path), str(item.path.stat().st_size)))
    return entries + new


def _place(item: Item, target: Path, link: bool) -> int:
    """Gives the bytes that were written; 0 for a link."""
    shown = _is_part(item) or needs_view(item.path)
    if link and not shown:
        with suppress(OSError):  # another disk, or a file system without links: a copy does as well
            os.link(os.path.realpath(item.path), target)
            return 0
    with replacing(target) as temporary:
        return temporary.write_bytes(_picture(item)) if shown else place(item.path, temporary, copy=True)


def _is_part(item: Item) -> bool:
    return item.box is not None and "box" in item.meta


def _picture(item: Item) -> bytes:
    """A JPEG in place of an image that nobody can look at, or of which a box alone is meant. Raises OSError."""
    try:
        picture = view(item.path)
    except PoolError as error:
        raise OSError(f"{item.path}: {error}") from error
    if _is_part(item):
        picture = _cut(picture, item.box)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=95)
    return out.getvalue()


def _cut(picture: Image.Image, box: Box | None) -> Image.Image:
    """One of several boxes of an image: the whole image would not say which of them is meant."""
    assert box is not None
    margin = MARGIN * max(box.w * picture.width, box.h * picture.height)
    left, right = _span(box.x, box.w, picture.width, margin)
    top, bottom = _span(box.y, box.h, picture.height, margin)
    return picture.crop((left, top, right, bottom))


def _span(start: float, share: float, length: int, margin: float) -> tuple[int, int]:
    """One side of a box in whole pixels of the picture, at least one."""
    first = min(max(math.floor(start * length - margin), 0), length - 1)
    return first, max(min(math.ceil((start + share) * length + margin), length), first + 1)


def _walk(folder: Path) -> Iterator[tuple[Path, bool]]:
    """The files in the folder, and whether each lies elsewhere."""
    real = os.path.realpath(folder)
    for place_, folders, names in os.walk(folder, followlinks=True):
        inside = Path(place_).relative_to(folder).parts
        linked = os.path.normcase(os.path.realpath(place_)) != os.path.normcase(Path(real, *inside))
        folders[:] = sorted(name for name in folders if not is_litter(name)) if len(inside) < DEPTH else []
        for name in sorted(names):
            if not is_litter(name) and not (name == MANIFEST and not inside):
                yield Path(place_) / name, linked


def _hash(file: Path, sizes: set[str]) -> str | None:
    """The content's hash, if its size is one of these; None as well for one that cannot be read."""
    if _size(file) not in sizes and all(sizes):
        return None
    try:
        return content_hash(file)
    except OSError:  # a broken link, a file that another program holds: whose it is cannot be told
        return None


def _size(file: Path) -> str | None:
    try:
        return str(file.stat().st_size)
    except OSError:
        return None


def _folded(name: str) -> str:
    return normalize("NFC", name).casefold()
