"""The pictures by number: the batch's thumbnails as they were cut, others and large ones drawn when asked for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from pathlib import Path

from alframe.errors import PoolError
from alframe.kit.databases import load_box
from alframe.kit.round_images import encode_jpeg
from alframe.kit.viewing import open_for_viewing
from alframe.label_sources.web.server.errors import ApiError
from alframe.label_sources.web.server.reader import DatabaseReader
from alframe.label_sources.web.thumbnails import LARGE_PICTURE_SIDE, make_thumbnail

_KEPT = 400  # thumbnails that were cut when they were asked for: of bursts, of the pool
_AT_ONCE = 2  # large pictures that are decoded at a time: each takes its pixels in memory


class JpegPictures:
    """Gives JPEGs by the number of an image."""

    def __init__(self, reader: DatabaseReader) -> None:
        self._reader = reader
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._decoding = asyncio.Semaphore(_AT_ONCE)

    async def thumbnail_jpeg(self, number: int) -> bytes:
        """Return the thumbnail of an image. Raises ApiError."""
        found = self._reader.value("SELECT jpeg FROM images.thumbnail WHERE image = ?", (number,))
        if found is not None:
            return bytes(found)
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        path, box = self._find_file_and_box(number)
        async with self._decoding:
            jpeg = await asyncio.to_thread(_thumbnail_jpeg, path, box)
        self._kept[number] = jpeg
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return jpeg

    async def large_jpeg(self, number: int) -> bytes:
        """Return the whole image, upright, of at most LARGE_PICTURE_SIDE pixels a side. Raises ApiError."""
        path, _ = self._find_file_and_box(number)
        async with self._decoding:
            return await asyncio.to_thread(_large_jpeg, path)

    def _find_file_and_box(self, number: int) -> tuple[Path, str | None]:
        rows = self._reader.rows("SELECT path, box FROM images.image WHERE number = ?", (number,))
        if not rows:
            raise ApiError("no_such_image", f"There is no image {number} in this project. Load the page again.")
        path, box = rows[0]
        return Path(path), box


def _thumbnail_jpeg(path: Path, box: str | None) -> bytes:
    try:
        return make_thumbnail(path, load_box(box)).jpeg
    except PoolError as error:
        raise _unreadable_error(error) from error


def _large_jpeg(path: Path) -> bytes:
    try:
        return encode_jpeg(open_for_viewing(path, LARGE_PICTURE_SIDE), quality=90)
    except PoolError as error:
        raise _unreadable_error(error) from error


def _unreadable_error(error: PoolError) -> ApiError:
    return ApiError("not_found", f"The image cannot be shown: {error}. Answer 'unsure', or skip it.")
