"""Read times in the forms of cameras and camera-trap programs: in texts, and in the headers of pictures."""

from __future__ import annotations

import os
import stat
import struct
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from alframe import drives
from alframe.chunks import row_slices
from alframe.compat import register_heic
from alframe.drives import is_drive_failure
from alframe.formats.time_columns import read_time

# DateTimeOriginal, DateTimeDigitized, and DateTime, which may be when the picture was edited.
TIME_TAGS = (0x9003, 0x9004, 0x0132)
_EXIF_IFD_TAG = 0x8769
THREADS = 16  # a slow drive answers many questions at once
FILES_PER_TASK = 256
CACHED_TEXTS = 100_000  # about 30 MB


def parse_local_time(text: object) -> datetime | None:
    """Return the camera's local time that `text` gives, to the second, or None if it gives none.

    A UTC offset does not change the result, which is the time of the camera's clock. A date without a time gives None.
    For a column of times, use `TimeColumn`, which also lists unknown times.
    """
    return read_time(text, has_24_hours=True).time if isinstance(text, str) else None


def read_exif_time(path: Path) -> datetime | None:
    """Return the camera's local time from the first EXIF tag of TIME_TAGS that contains a time, or None.

    Never raises: if the file is missing, damaged or not a picture, the result is None. Only the header is read. The
    header of a JPEG file is parsed here, which is ten times faster than with Pillow.
    """
    try:
        return parse_local_time(read_exif_time_text(path))
    except OSError:
        return None


def read_exif_time_text(path: Path) -> str:
    """Return the text of the first of TIME_TAGS that is a time, else of the first that is not blank, else "".

    Raises OSError only if the drive fails, because then nothing is known of the file.
    """
    try:
        state = os.stat(path)  # noqa: PTH116 - a million of them
        if not stat.S_ISREG(state.st_mode):  # a pipe would wait for ever
            return ""
        return _read_time_text_of_version(path, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    except Exception as error:  # a header may hold anything
        if is_drive_failure(error):
            raise
        return ""


@lru_cache(CACHED_TEXTS)  # the runs of a sweep list the same files
def _read_time_text_of_version(path: Path, *version: int) -> str:
    """Return the text of `read_exif_time_text`. `version` is different if the file has changed."""
    with path.open("rb") as file:
        block = _read_exif_block(file) if file.read(2) == b"\xff\xd8" else None
    values = _read_time_tag_texts(block) if block is not None else _read_with_pillow(path)
    texts = [value.strip(" \0") for tag in TIME_TAGS if isinstance(value := values.get(tag), str)]
    return first_time_text(texts)


def first_time_text(texts: Sequence[str]) -> str:
    """Return the first text that is a time, else the first that is not blank, else ""."""
    return next(filter(parse_local_time, texts), next(filter(None, texts), ""))


def earliest_file_time(path: Path) -> datetime | None:
    """Return the earlier of a file's creation and modification times (as Timelapse does), or None.

    A copy of the file may have another time.
    """
    try:
        file_stat = path.stat()
    except (OSError, ValueError):
        return None
    created = file_stat.st_ctime if os.name == "nt" else getattr(file_stat, "st_birthtime", file_stat.st_mtime)
    try:
        return datetime.fromtimestamp(min(created, file_stat.st_mtime)).replace(microsecond=0)
    except (OSError, OverflowError, ValueError):
        return None


def read_exif_time_texts(paths: Sequence[Path]) -> Iterator[list[str | OSError]]:
    """Yield the `read_exif_time_text` of all files in order, in lists of up to 256, read by many threads.

    If a drive fails, also when alframe tries again, the error is in the place of the text.
    """
    tasks = [paths[files] for files in row_slices(len(paths), FILES_PER_TASK)]
    # Pillow's remarks on odd metadata help nobody.
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(THREADS) as threads:
        yield from threads.map(_read_exif_texts_with_retries, tasks)


def _read_exif_texts_with_retries(paths: Sequence[Path]) -> list[str | OSError]:
    texts = [_read_text_or_error(path) for path in paths]
    for pause in drives.RETRY_PAUSES:
        if not (failed := [at for at, text in enumerate(texts) if isinstance(text, OSError)]):
            break
        time.sleep(pause)  # once for all of them: a drive that fails does so for many
        for at in failed:
            texts[at] = _read_text_or_error(paths[at])
    return texts


def _read_text_or_error(path: Path) -> str | OSError:
    try:
        return read_exif_time_text(path)
    except OSError as error:
        return error


def _read_exif_block(file: BinaryIO) -> bytes | None:
    """Return the TIFF block with the metadata, from the JPEG segment APP1; empty if there is none before the pixels.

    None if there are data between the segments that only Pillow can skip.
    """
    while len(head := file.read(4)) == 4 and head[0] == 0xFF and head[1] not in (0xDA, 0xD9):
        size = struct.unpack(">H", head[2:])[0] - 2
        if head[1] == 0xFF:  # any number of these may fill the space before a segment
            file.seek(-3, os.SEEK_CUR)
        elif head[1] != 0xE1:
            file.seek(size, os.SEEK_CUR)
        elif (segment := file.read(size)).startswith(b"Exif\0"):
            return segment[6:]
    return None if len(head) == 4 and head[0] != 0xFF else b""


def _read_time_tag_texts(block: bytes) -> dict[int, str]:
    """Return the texts of the TIME_TAGS in the TIFF block."""
    if len(block) < 8:
        return {}
    endian = "<" if block.startswith(b"II") else ">"
    entries = _parse_directory(block, endian, struct.unpack_from(endian + "I", block, 4)[0])
    if _EXIF_IFD_TAG in entries:
        entries |= _parse_directory(block, endian, struct.unpack(endian + "I", entries[_EXIF_IFD_TAG][1])[0])
    texts = {}
    for tag in entries.keys() & set(TIME_TAGS):
        count, value = entries[tag]
        offset = struct.unpack(endian + "I", value)[0]
        texts[tag] = block[offset : offset + min(count, 64)].decode("latin-1")
    return texts


def _parse_directory(block: bytes, endian: str, offset: int) -> dict[int, tuple[int, bytes]]:
    """Return tag -> (count, value or its offset) of the directory at `offset`, up to the end of the block."""
    if not 8 <= offset <= len(block) - 2:
        return {}
    (number,) = struct.unpack_from(endian + "H", block, offset)
    entries = min(number, (len(block) - offset - 2) // 12)
    records = struct.iter_unpack(endian + "HHI4s", block[offset + 2 : offset + 2 + 12 * entries])
    return {tag: (count, value) for tag, _, count, value in records}


def _read_with_pillow(path: Path) -> dict[int, object]:
    from PIL import Image

    register_heic()
    with Image.open(path) as image:
        exif = Image.Image.getexif(image)  # that of PNG's own class decodes the picture
        return {**exif, **exif.get_ifd(_EXIF_IFD_TAG)}
