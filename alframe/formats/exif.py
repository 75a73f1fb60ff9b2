"""When a picture was taken, as the camera wrote it into the file's header."""

from __future__ import annotations

import os
import stat
import struct
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from alframe.compat import quiet_pillow
from alframe.formats.times import parse_local_time

# DateTimeOriginal, DateTimeDigitized, and DateTime, which may be when the picture was edited.
TIME_TAGS = (0x9003, 0x9004, 0x0132)
_EXIF_IFD_TAG = 0x8769
THREADS = 16  # a slow drive answers many questions at once
FILES_PER_TASK = 256


def read_exif_time(path: Path) -> datetime | None:
    """The time in the picture's EXIF, local to the camera, from the first tag of TIMES that holds one; else None.

    Never raises: a file that is missing, damaged or no picture has no time. Only the header is read. Of JPEG files it
    is read here, ten times faster than with Pillow, which reads all others.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - a million of them; a pipe would wait for ever
            return None
        with path.open("rb") as file:
            block = _read_exif_block(file) if file.read(2) == b"\xff\xd8" else None
        values = _parse_time_tags(block) if block is not None else _read_with_pillow(path)
    except Exception:  # a header may hold anything, and none of it is worth a picture
        return None
    return next((time for tag in TIME_TAGS if (time := parse_local_time(values.get(tag)))), None)


def earliest_file_time(path: Path) -> datetime | None:
    """The earlier of the file's creation and modification, as Timelapse has it; None if there is no such file.

    Copying files changes these times: they are not to be relied on.
    """
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    created = found.st_ctime if os.name == "nt" else getattr(found, "st_birthtime", found.st_mtime)
    try:
        return datetime.fromtimestamp(min(created, found.st_mtime)).replace(microsecond=0)
    except (OSError, OverflowError, ValueError):
        return None


def read_exif_times(paths: Sequence[Path]) -> Iterator[list[datetime | None]]:
    """`read_exif_time` of all of them in order, in lists of up to 256, from many threads."""
    parts = [paths[at : at + FILES_PER_TASK] for at in range(0, len(paths), FILES_PER_TASK)]
    with warnings.catch_warnings(), ThreadPoolExecutor(THREADS) as threads:
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata help nobody
        yield from threads.map(lambda part: [read_exif_time(path) for path in part], parts)


def _read_exif_block(file: BinaryIO) -> bytes:
    """The TIFF block with the metadata, from the JPEG segment APP1; empty if there is none before the pixels."""
    while len(head := file.read(4)) == 4 and head[0] == 0xFF and head[1] not in (0xDA, 0xD9):
        size = struct.unpack(">H", head[2:])[0] - 2
        if head[1] != 0xE1:
            file.seek(size, os.SEEK_CUR)
        elif (segment := file.read(size)).startswith(b"Exif\0"):
            return segment[6:]
    return b""


def _parse_time_tags(block: bytes) -> dict[int, str]:
    """The text of those of TIMES that the TIFF block has."""
    if len(block) < 8:
        return {}
    order = "<" if block.startswith(b"II") else ">"
    first = _parse_directory(block, order, struct.unpack_from(order + "I", block, 4)[0])
    entries = first
    if _EXIF_IFD_TAG in first:
        entries = first | _parse_directory(block, order, struct.unpack(order + "I", first[_EXIF_IFD_TAG][1])[0])
    found = {}
    for tag in TIME_TAGS:
        if tag in entries:
            count, value = entries[tag]
            at = struct.unpack(order + "I", value)[0]
            found[tag] = block[at : at + min(count, 64)].decode("latin-1")
    return found


def _parse_directory(block: bytes, order: str, at: int) -> dict[int, tuple[int, bytes]]:
    """Tag -> (count, value or where it lies) of the directory at `at`, as far as the block goes."""
    if not 8 <= at <= len(block) - 2:
        return {}
    (number,) = struct.unpack_from(order + "H", block, at)
    whole = min(number, (len(block) - at - 2) // 12)
    rows = struct.iter_unpack(order + "HHI4s", block[at + 2 : at + 2 + 12 * whole])
    return {tag: (count, value) for tag, _, count, value in rows}


def _read_with_pillow(path: Path) -> dict[int, object]:
    from PIL import Image

    quiet_pillow()
    with Image.open(path) as image:
        exif = Image.Image.getexif(image)  # that of PNG's own class decodes the picture
        return {**exif, **exif.get_ifd(_EXIF_IFD_TAG)}
