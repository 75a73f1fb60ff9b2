"""A round's images as Timelapse can show them: names, the manifest, and links, copies or conversions."""

from __future__ import annotations

import csv
import os
import shutil
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from PIL import Image, ImageDraw, UnidentifiedImageError

from alframe.data.viewing import view
from alframe.errors import PoolError
from alframe.formats.digests import content_hash
from alframe.formats.tables import TableRow, read_table
from alframe.formats.timelapse.folders import TEMPLATE_NAME, is_timelapse_or_system
from alframe.progress import track
from alframe.store.files import replacing
from alframe.store.names import folder_name
from alframe.types import Box, Item, ItemId, Problem

MANIFEST = "manifest.csv"
COLUMNS = ("name", "id", "hash", "again")
UNREAD = "-"  # in place of a hash: the image could not be read
_JPEG = b"\xff\xd8\xff"
_ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the manifest: the image's place in the set (POSIX), whose it is, and its BLAKE2b hash then.

    `again` is not empty where the round had been asked before, and somebody has removed what was there.
    """

    name: str
    id: ItemId
    hash: str = ""
    again: str = ""


def folded(path: str) -> str:
    """A path as Windows compares it: the manifest's and Timelapse's may differ in case and in the form of accents."""
    return normalize("NFC", path).casefold()


def names(items: Iterable[Item], taken: Iterable[str] = ()) -> dict[ItemId, str]:
    """A place in the set for each item: as in the pool, but a `.jpg` that Windows takes, and no two alike."""
    used = set(map(folded, taken))
    placed = {}
    for item in items:
        shown = PurePosixPath(item.id.rpartition("#")[0] if "box" in item.meta else item.id)
        parts = [_safe(part) for part in shown.parts[:-1] if part not in ("/", "..")]
        suffix = shown.suffix if shown.suffix.casefold() == ".jpg" else ".jpg"
        stem = (shown.stem or "image") + (f"_box{item.id.rpartition('#')[2]}" if "box" in item.meta else "")
        name = "/".join([*parts, _safe(stem + suffix)])
        number = 1
        while folded(name) in used:
            number += 1
            name = "/".join([*parts, _safe(f"{stem}_{number}{suffix}")])
        used.add(folded(name))
        placed[item.id] = name
    return placed


def manifest(folder: Path, items: Sequence[Item]) -> tuple[list[Entry], list[Problem]]:
    """What each image of the round's folder is: as its manifest says, or will say of those that it lacks."""
    found = list(read_table(folder / MANIFEST, COLUMNS)) if folder.is_dir() else []
    lines = [row for row in found if isinstance(row, TableRow)]
    entries = [Entry(*map(row.get, COLUMNS)) for row in lines if row.get("name") and row.get("id")]
    listed = {entry.id for entry in entries}
    places = names((item for item in items if item.id not in listed), (entry.name for entry in entries))
    entries += [Entry(name, item) for item, name in places.items()]
    return entries, [one for one in found if isinstance(one, Problem)]


def complete_manifest(folder: Path, items: Sequence[Item], again: bool) -> list[Entry]:
    """Have it all in the file, before the first image is there, so that a kill leaves no riddle.

    `again` says that the round was asked before, so that what the file lacks had been removed.
    """
    entries, problems = manifest(folder, items)
    paths = {item.id: item.path for item in items}
    lacking = sum(not entry.hash for entry in entries)
    if lacking or problems:
        entries = [
            entry if entry.hash else replace(entry, hash=_hash(paths.get(entry.id)), again="again" if again else "")
            for entry in track(entries, "Reading the images of the round", unit="img")
        ]
        with (
            replacing(folder / MANIFEST) as temporary,
            temporary.open("w", newline="", encoding="utf-8-sig") as handle,
        ):
            writer = csv.writer(handle)
            writer.writerow(COLUMNS)
            writer.writerows((entry.name, entry.id, entry.hash, entry.again) for entry in entries)
    return entries


def place(item: Item, target: Path, link: bool) -> str:
    """Put the image where Timelapse finds it, if it is not there; why it cannot be shown, or nothing.

    A JPEG stays as it is, to the byte; anything else becomes one, and keeps its EXIF. Raises OSError for the disk's
    troubles, not for the image's.
    """
    if target.exists():
        return ""
    try:
        with item.path.open("rb") as handle:
            is_jpeg = handle.read(3) == _JPEG
    except OSError as error:
        return error.strerror or str(error)
    target.parent.mkdir(parents=True, exist_ok=True)
    box = item.box if "box" in item.meta else None
    if is_jpeg and box is None and link:
        with suppress(OSError):  # another disk, or a file system without links: a copy does as well
            os.link(item.path.resolve(), target)
            return ""
    try:
        with replacing(target) as temporary:
            if is_jpeg and box is None:
                shutil.copyfile(item.path, temporary)
            else:
                _convert(item.path, temporary, box)
            times = item.path.stat()
            os.utime(temporary, ns=(times.st_atime_ns, times.st_mtime_ns))
    except OSError as error:
        if error.errno is not None:
            raise
        return str(error)
    except PoolError as error:
        return str(error)
    return ""


def _convert(source: Path, target: Path, box: Box | None) -> None:
    picture = view(source)
    if box is not None:
        _outline(picture, box)
    try:
        picture.save(target, "JPEG", quality=95, exif=_exif(source))
    except (ValueError, TypeError, KeyError, AttributeError):  # EXIF that cannot be written is no loss of picture
        picture.save(target, "JPEG", quality=95)


def _exif(source: Path) -> bytes:
    """What the camera wrote, but for how it was held."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata help nobody who labels
        try:
            with Image.open(source) as image:
                exif = image.getexif()
                exif.pop(_ORIENTATION, None)
                return exif.tobytes()
        except UnidentifiedImageError:  # an array, or a TIFF of many bands
            return b""


def _outline(picture: Image.Image, box: Box) -> None:
    """Around the box, not on it: what matters is inside."""
    line = max(2, max(picture.size) // 300)
    left, top = box.x * picture.width, box.y * picture.height
    right, bottom = left + box.w * picture.width, top + box.h * picture.height
    if right > left and bottom > top:
        edge = (left - line, top - line, right + line, bottom + line)
        ImageDraw.Draw(picture).rectangle(edge, outline="#ffd400", width=line)


def _safe(part: str) -> str:
    name = folder_name(part)
    if is_timelapse_or_system(name) or name.casefold() in {MANIFEST, TEMPLATE_NAME.casefold()}:
        name = f"%{ord(name[0]):02X}{name[1:]}"
    return name


def _hash(file: Path | None) -> str:
    try:
        return content_hash(file) if file else UNREAD
    except OSError:  # gone since it was chosen: place() says so
        return UNREAD
