"""Make thumbnails: small upright JPEGs, of the box alone if the question is about a box."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from alframe.errors import PoolError
from alframe.kit.chunks import row_slices
from alframe.kit.databases import dump_box, load_box
from alframe.kit.progress import track
from alframe.kit.round_images import crop_box, encode_jpeg
from alframe.kit.viewing import open_for_viewing
from alframe.label_sources.web.images import ImageDatabase
from alframe.types import Box

THUMBNAIL_SIDE = 320  # pixels of the longer side
LARGE_PICTURE_SIDE = 2560
_COMMITTED_TOGETHER = 256


class Thumbnail(NamedTuple):
    """A small picture; `version` changes with the file that it shows."""

    version: str
    width: int
    height: int
    jpeg: bytes


def make_missing_thumbnails(images: ImageDatabase, round_number: int) -> None:
    """Make the thumbnails of a round that are missing, or whose file or box has changed.

    If the process is killed, the last few hundred at most are lost. An image that cannot be read gets no thumbnail:
    the page shows a message in its place.
    """
    rows_of_round = images.images_with_thumbnail_versions(round_number)
    missing = [row[:3] for row in rows_of_round if row[3] is None or row[3] != thumbnail_digest(Path(row[1]), row[2])]
    if not missing:
        return
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as threads:
        made = track(
            _make_thumbnails_in_threads(threads, missing), "Cutting thumbnails", total=len(missing), unit="img"
        )
        rows: list[tuple[int, str, int, int, bytes]] = []
        for number, thumbnail in made:
            if thumbnail is not None:
                rows.append((number, *thumbnail))
            if len(rows) == _COMMITTED_TOGETHER:
                images.add_thumbnails(rows)
                rows = []
        images.add_thumbnails(rows)


def _make_thumbnails_in_threads(
    threads: ThreadPoolExecutor, missing: Sequence[tuple[int, str, str | None]]
) -> Iterator[tuple[int, Thumbnail | None]]:
    for part in row_slices(len(missing), rows=_COMMITTED_TOGETHER):  # or else all pictures could wait in memory
        rows = missing[part]
        yield from zip(
            (number for number, _, _ in rows),
            threads.map(lambda row: _make_thumbnail_or_none(Path(row[1]), load_box(row[2])), rows),
            strict=True,
        )


def _make_thumbnail_or_none(path: Path, box: Box | None) -> Thumbnail | None:
    try:
        return make_thumbnail(path, box)
    except PoolError:
        return None


def make_thumbnail(path: Path, box: Box | None = None) -> Thumbnail:
    """Return the thumbnail of an image, or of a box with a margin. Raises PoolError with the reason."""
    if box is None:
        picture = open_for_viewing(path, THUMBNAIL_SIDE)
    else:
        extent = max(min(box.w, box.h), THUMBNAIL_SIDE / LARGE_PICTURE_SIDE)
        picture = crop_box(open_for_viewing(path, math.ceil(THUMBNAIL_SIDE / extent)), box)
        picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return Thumbnail(thumbnail_digest(path, dump_box(box)), *picture.size, encode_jpeg(picture, quality=80))


def thumbnail_digest(path: Path, box: str | None) -> str:
    """Return a digest of a file's path, size, time and box. A thumbnail is made again if this digest has changed."""
    try:
        status = path.stat()
        stamp = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0{box or ''}"
    except OSError:
        stamp = str(path)
    return blake2b(stamp.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
