"""Correct the times of cameras by a small table of people, with a time offset for each camera."""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from alframe.engine.listing.clocks import camera_or_folder
from alframe.errors import PoolError
from alframe.formats.tables import read_table
from alframe.types import ItemColumns, Problem

log = logging.getLogger(__name__)
_OFFSET = re.compile(
    r"(?P<sign>[+-]?)\s*(?=\d)(?:(?P<days>\d+)\s*(?:d|days?)\b,?\s*)?"
    r"(?:(?P<hours>\d+):(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d))?)?"
)
_SECONDS = re.compile(r"[+-]?\d+(?:\.\d+)?")


def correct_clocks(items: ItemColumns, file: str | None) -> ItemColumns:
    """Add the offset of each camera in the table `file` to the times of its items, and return the items.

    The table has the whole name of a camera, or its last part if only one camera has this part. For images without a
    camera, it has their folder. Raises PoolError with file, row and remedy. Cameras that are not in the pool are
    logged.
    """
    if file is None:
        return items
    path = Path(file).expanduser()
    offsets = _read_offsets(path)
    camera_of = [camera_or_folder(*pair).rstrip("/") for pair in zip(items.cameras, items.ids, strict=True)]
    cameras = {camera for camera, taken in zip(camera_of, items.taken, strict=True) if taken is not None}
    by_last_part = defaultdict(set)
    for camera in cameras:
        by_last_part[camera.rpartition("/")[2]].add(camera)
    of_camera: dict[str, timedelta] = {}
    for name, (line, offset) in offsets.items():
        meant = {name} if name in cameras else by_last_part.get(name, set())
        if len(meant) > 1:
            others = ", ".join(sorted(meant))
            raise PoolError(f"{path}, row {line}: the camera '{name}' may be {others}. Write the whole name.")
        if not meant:
            log.warning("%s, row %d: no image with a time has the camera '%s'. Check the name.", path, line, name)
        of_camera |= dict.fromkeys(meant, offset)
    pairs = zip(items.taken, map(of_camera.get, camera_of), strict=True)
    taken = [time if time is None or offset is None else time + offset for time, offset in pairs]
    return replace(items, taken=taken)


def _read_offsets(file: Path) -> dict[str, tuple[int, timedelta]]:
    """Return camera -> (line, offset)."""
    offsets: dict[str, tuple[int, timedelta]] = {}
    for row in read_table(file, ("camera", "offset")):
        if isinstance(row, Problem):
            raise PoolError(f"The clock offsets cannot be read. {row}")
        camera, text = row.get("camera").strip().replace("\\", "/").strip("/"), row.get("offset").strip()
        offset = parse_offset(text)
        if offset is None:
            raise PoolError(
                f"{file}, row {row.line}: '{text}' is not an offset. Write the time to add to the camera's times, "
                f"such as "
                "+1:00:00, -0:02:30, +365 days, -2 days 3:00:00, or a number of seconds."
            )
        if camera in offsets:
            raise PoolError(f"{file}, row {row.line}: '{camera}' is in row {offsets[camera][0]} too. Keep one of them.")
        offsets[camera] = row.line, offset
    return offsets


def parse_offset(text: str) -> timedelta | None:
    """Return the time span in `text`: [+-][N days][H:MM[:SS]], or seconds; None for another text."""
    try:
        if _SECONDS.fullmatch(text):
            return timedelta(seconds=float(text))
        match = _OFFSET.fullmatch(text)
        if match is None:
            return None
        parts = {name: int(match[name] or 0) for name in ("days", "hours", "minutes", "seconds")}
        return timedelta(**parts) * (-1 if match["sign"] == "-" else 1)
    except OverflowError:
        return None
