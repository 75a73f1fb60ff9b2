"""The images that pages receive: by number, with their pictures, and without a hint which of them are the audit."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from alframe.errors import PoolError
from alframe.kit.databases import load_box
from alframe.kit.round_images import encode_jpeg
from alframe.kit.viewing import open_for_viewing
from alframe.label_sources.web.journal_rows import JournalRow, second_opinion_draw
from alframe.label_sources.web.server.config import ServerConfig
from alframe.label_sources.web.server.errors import ApiError
from alframe.label_sources.web.server.reader import DatabaseReader
from alframe.label_sources.web.thumbnails import LARGE_PICTURE_SIDE, THUMBNAIL_SIDE, make_thumbnail, thumbnail_digest

_IMAGE_SQL = """
SELECT i.number, i.id, i.path, i.camera, i.taken, i.sequence, i.box, t.version, t.width, t.height,
    (SELECT count(*) FROM images.image mate WHERE mate.sequence = i.sequence) AS frames,
    (SELECT min(number) FROM images.image mate WHERE mate.sequence = i.sequence) AS burst,
    b.suggestion, b.confidence, b.round
FROM images.image i
LEFT JOIN images.thumbnail t ON t.image = i.number
LEFT JOIN images.batch b ON b.image = i.number AND b.round = :round
WHERE i.number IN (SELECT value FROM json_each(:numbers))
"""

# Images that the open round asks about again, since they have a label, and that nobody has answered in it.
_ASKED_AGAIN_SQL = """
SELECT i.id FROM images.batch b JOIN images.image i ON i.number = b.image JOIN pool.pool p ON p.number = b.image
WHERE b.round = (SELECT max(round) FROM images.batch) AND p.open
AND NOT EXISTS (SELECT 1 FROM standing s WHERE s.image = i.id AND s.round = b.round)
AND (p.label IS NOT NULL OR EXISTS (SELECT 1 FROM standing s WHERE s.image = i.id))
"""
# Images of which a person's blind opinion is or may be asked: they must not learn what somebody else has said, nor, if
# they are asked again, what they have said themselves.
BLIND_SQL = f"""{_ASKED_AGAIN_SQL} UNION ALL
SELECT s.image FROM standing s JOIN answer a ON a.n = s.n WHERE s.draw < :share GROUP BY s.image
HAVING count(DISTINCT s.annotator) = 1 AND min(s.annotator) <> :name AND NOT max(a.origin = 'review')
"""
_MAX_CACHED_THUMBNAILS = 400  # thumbnails that were cut when they were asked for: of bursts, of the pool
_MAX_PARALLEL_DECODES = 2  # large pictures that are decoded at a time: each takes its pixels in memory


class ImageDescriber:
    """Makes the JSON of images for one person, with only the facts that this person may see."""

    def __init__(self, reader: DatabaseReader, config: ServerConfig) -> None:
        self._reader, self._config = reader, config

    def describe_images(self, numbers: Sequence[int], name: str, round_number: int | None) -> list[dict[str, Any]]:
        """Return the JSON of these images in this order, and leave out numbers without an image.

        The answers of the person `name` and the suggestions of the open round `round_number` are shown.
        """
        values = {"numbers": json.dumps(list(numbers)), "round": round_number}
        found = {row[0]: row for row in self._reader.rows(_IMAGE_SQL, values)}
        standing = self._reader.journal.standing_rows_by_image([row[1] for row in found.values()])
        return [
            self._describe_image(row, standing[row[1]], name)
            for number in numbers
            if (row := found.get(number)) is not None
        ]

    def _describe_image(self, row: tuple[Any, ...], standing: Sequence[JournalRow], name: str) -> dict[str, Any]:
        number, id_, path, camera, taken, _, box, version, width, height, frames, burst, *about = row
        suggestion, confidence, asked_in = about  # the open round, if that asks for the image
        own = [answer for answer in standing if answer.annotator == name and asked_in in (None, answer.round)]
        version = version or thumbnail_digest(Path(path), box)
        is_hidden = self.awaits_second_opinion(id_, name, standing)
        is_shown = self._config.source.suggestions and suggestion is not None and not is_hidden
        boxes = [] if box is None else [dict(zip("xywh", json.loads(box), strict=True))]
        return {
            "image": number,
            "name": id_,
            "thumbnail": f"/images/{number}/thumbnail?v={version}",
            "large": f"/images/{number}/large?v={version}",
            "width": width or THUMBNAIL_SIDE,
            "height": height or THUMBNAIL_SIDE * 3 // 4,
            "taken": taken,
            "camera": camera,
            "burst": {"id": burst, "size": frames} if frames and frames > 1 else None,
            "boxes": boxes,
            "crop": bool(boxes),
            "suggestion": {"class": suggestion, "confidence": confidence} if is_shown else None,
            "answer": describe_answer(own[-1]) if own else None,
        }

    def awaits_second_opinion(self, id_: str, name: str, standing: Sequence[JournalRow] | None = None) -> bool:
        """Return whether this person is, or may be, asked about an image without seeing its other answers."""
        if self._reader.rows(f"{_ASKED_AGAIN_SQL} AND i.id = ?", (id_,)):
            return True
        if second_opinion_draw(id_) >= self._config.source.second_opinion:
            return False
        standing = self._reader.journal.standing_rows_of_image(id_) if standing is None else standing
        settled = any(row.origin == "review" for row in standing)
        return not settled and len({row.annotator for row in standing}) == 1 and standing[0].annotator != name


def describe_answer(row: JournalRow) -> dict[str, Any]:
    return {
        "classes": row.class_names,
        "name": row.annotator,
        "at": row.at,
        "origin": row.origin,
        "comment": row.comment,
        "burst": row.burst_of is not None,
    }


class JpegPictures:
    """Makes and keeps JPEGs, by the number of the image."""

    def __init__(self, reader: DatabaseReader) -> None:
        self._reader = reader
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._decoding = asyncio.Semaphore(_MAX_PARALLEL_DECODES)

    async def thumbnail_jpeg(self, number: int) -> bytes:
        found = self._reader.value("SELECT jpeg FROM images.thumbnail WHERE image = ?", (number,))
        if found is not None:
            return bytes(found)
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        path, box = self._find_file_and_box(number)
        jpeg = await self._decode(lambda: make_thumbnail(path, load_box(box)).jpeg)
        self._kept[number] = jpeg
        if len(self._kept) > _MAX_CACHED_THUMBNAILS:
            self._kept.popitem(last=False)
        return jpeg

    async def large_jpeg(self, number: int) -> bytes:
        """Return the whole image, upright, of at most LARGE_PICTURE_SIDE pixels a side. Raises ApiError."""
        path, _ = self._find_file_and_box(number)
        return await self._decode(lambda: encode_jpeg(open_for_viewing(path, LARGE_PICTURE_SIDE), quality=90))

    async def _decode(self, make_jpeg: Callable[[], bytes]) -> bytes:
        try:
            async with self._decoding:
                return await asyncio.to_thread(make_jpeg)
        except PoolError as error:
            message = f"The image cannot be shown: {error}. Answer 'unsure', or skip it."
            raise ApiError("not_found", message) from error

    def _find_file_and_box(self, number: int) -> tuple[Path, str | None]:
        rows = self._reader.rows("SELECT path, box FROM images.image WHERE number = ?", (number,))
        if not rows:
            raise ApiError("no_such_image", f"There is no image {number} in this project. Load the page again.")
        path, box = rows[0]
        return Path(path), box
