"""Bursts: images of one camera that follow each other closely show the same moment, and must not be parted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from alframe.formats.times import earliest_file_time, read_exif_times
from alframe.progress import Bar
from alframe.settings import Sequences
from alframe.types import Bools, Ints, Item


def add_times(items: Sequence[Item], sequences: Sequences) -> list[Item]:
    """Return the items with the times that their files tell; meta["taken_from"] is "file" where it is the file's own.

    Times that the pool knows stay.
    """
    paths = list(dict.fromkeys(item.path for item in items if item.taken is None))
    if sequences.times == "none" or not paths:
        return list(items)
    times: list[datetime | None] = []
    with Bar("Reading times", total=len(paths), unit="img") as bar:
        for part in read_exif_times(paths):
            times += part
            bar.advance(len(part))
    exif_times = dict(zip(paths, times, strict=True))
    return [
        item if item.taken is not None else _add_time(item, exif_times[item.path], sequences.times == "file")
        for item in items
    ]


def _add_time(item: Item, exif_time: datetime | None, by_file: bool) -> Item:
    if exif_time is not None:
        return replace(item, taken=exif_time)
    if by_file and (time := earliest_file_time(item.path)) is not None:
        return replace(item, taken=time, meta={**item.meta, "taken_from": "file"})
    return item


def assign_sequences(items: Sequence[Item], sequences: Sequences) -> list[str | None]:
    """Return (n,) the sequence of each item: its own, or else one by camera and time; None for those without a time.

    An item without a sequence joins the nearest in time of its burst that has one, of two the one before it; a burst in
    which none has one is named after its camera and first time. So sequences that are known keep their names and
    their members, whatever is added later.
    """
    names = [item.sequence for item in items]
    rows = [row for row, item in enumerate(items) if item.taken is not None]
    if sequences.gap is None or all(names[row] is not None for row in rows):
        return names
    numbers: dict[str, int] = {}
    camera = np.array([numbers.setdefault(_camera_or_folder(items[row]), len(numbers)) for row in rows])
    time = np.array([items[row].taken for row in rows], "datetime64[us]")
    order = np.lexsort((time, camera))
    camera, time, rows = camera[order], time[order], [rows[position] for position in order.tolist()]
    is_close = np.diff(time) <= np.timedelta64(round(sequences.gap * 1e6), "us")
    starts = np.flatnonzero(np.concatenate([[True], (np.diff(camera) != 0) | ~is_close]))
    sizes = np.diff(np.append(starts, len(rows)))
    start, size = np.repeat(starts, sizes), np.repeat(sizes, sizes)  # of each row's burst
    source = _nearest_named(np.array([names[row] is not None for row in rows]), time, start, size)
    for row, nearest, first in zip(rows, source, start.tolist(), strict=True):
        if nearest >= 0:
            names[row] = names[rows[nearest]]  # its own, if it has one
        else:
            names[row] = f"{_camera_or_folder(items[rows[first]])} {items[rows[first]].taken}"
    return names


def _nearest_named(has_name: Bools, time: npt.NDArray[np.datetime64], start: Ints, size: Ints) -> list[int]:
    """Return (n,) the position in the same burst whose name each position takes; -1: none there has one.

    `time` (n,) is sorted within a burst; `start` and `size` (n,) say where each position's burst starts and how many it
    has.
    """
    n = len(has_name)
    positions = np.arange(n)
    before = np.maximum.accumulate(np.where(has_name, positions, -1))
    after = np.minimum.accumulate(np.where(has_name, positions, n)[::-1])[::-1]
    has_before, has_after = before >= start, after < start + size
    before_is_nearer = time - time[np.maximum(before, 0)] <= time[np.minimum(after, n - 1)] - time
    take_before = has_before & (before_is_nearer | ~has_after)
    nearest: list[int] = np.where(take_before, before, np.where(has_after, after, -1)).tolist()
    return nearest


def _camera_or_folder(item: Item) -> str:
    # A folder ends in a slash, so that it is not taken for the camera of that name.
    return item.camera if item.camera is not None else item.id.rpartition("/")[0] + "/"
