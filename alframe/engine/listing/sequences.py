"""Bursts: images of one camera that follow each other closely show the same moment, and must not be parted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alframe.formats.exif import earliest_file_time, read_exif_times
from alframe.progress import Bar
from alframe.settings import Sequences
from alframe.types import Ints, Item


def add_times(items: Sequence[Item], sequences: Sequences) -> list[Item]:
    """The items with the times that their files tell; meta["taken_from"] is "file" where it is the file's own."""
    untimed = dict.fromkeys(item.path for item in items if item.taken is None)
    if sequences.times == "none" or not untimed:
        return list(items)
    paths, times = list(untimed), list[datetime | None]()
    with Bar("Reading times", total=len(paths), unit="img") as bar:
        for part in read_exif_times(paths):
            times += part
            bar.advance(len(part))
    taken = dict(zip(paths, times, strict=True))
    fallback: Callable[[Path], datetime | None] = earliest_file_time if sequences.times == "file" else lambda _: None
    return [item if item.taken is not None else _add_time(item, taken[item.path], fallback) for item in items]


def _add_time(item: Item, taken: datetime | None, fallback: Callable[[Path], datetime | None]) -> Item:
    if taken is not None:
        return replace(item, taken=taken)
    if (time := fallback(item.path)) is not None:
        return replace(item, taken=time, meta={**item.meta, "taken_from": "file"})
    return item


def assign_sequences(items: Sequence[Item], sequences: Sequences) -> list[str | None]:
    """(n,) the sequence of each item: its own, or else one by camera and time; None for those without a time.

    An item without a sequence joins the nearest in time of its burst that has one, of two the one before it; a burst in
    which none has one is named after its camera and first time. So sequences that are known keep their names and
    their members, whatever is added later.
    """
    names = [item.sequence for item in items]
    rows = [row for row, item in enumerate(items) if item.taken is not None]
    if sequences.gap is None or all(names[row] is not None for row in rows):
        return names
    numbers: dict[str, int] = {}
    place = np.array([numbers.setdefault(_camera_or_folder(items[row]), len(numbers)) for row in rows])
    time = np.array([items[row].taken for row in rows], "datetime64[us]")
    order = np.lexsort((time, place))
    place, time, rows = place[order], time[order], [rows[at] for at in order.tolist()]
    close = np.diff(time) <= np.timedelta64(round(sequences.gap * 1e6), "us")
    first = np.flatnonzero(np.concatenate([[True], (np.diff(place) != 0) | ~close]))
    bursts = np.diff(np.append(first, len(rows)))
    source = _nearest_named(
        np.array([names[row] is not None for row in rows]), time, np.repeat(first, bursts), bursts.repeat(bursts)
    )
    for at, (row, start) in enumerate(zip(rows, np.repeat(first, bursts).tolist(), strict=True)):
        if names[row] is None and source[at] < 0:
            names[row] = f"{_camera_or_folder(items[rows[start]])} {items[rows[start]].taken}"
    for at, row in enumerate(rows):
        if source[at] >= 0:
            names[row] = names[rows[source[at]]]
    return names


def _nearest_named(
    given: npt.NDArray[np.bool_], time: npt.NDArray[np.datetime64], first: Ints, size: Ints
) -> list[int]:
    """(n,) the position in the same burst whose name each position takes; -1: none there has one.

    `time` (n,) is sorted within a burst; `first` and `size` (n,) say where each position's burst starts and how many it
    has.
    """
    at, n = np.arange(len(given)), len(given)
    before = np.maximum.accumulate(np.where(given, at, -1))
    after = np.minimum.accumulate(np.where(given, at, n)[::-1])[::-1]
    behind, ahead = before >= first, after < first + size
    nearer = time - time[np.maximum(before, 0)] <= time[np.minimum(after, n - 1)] - time
    return [int(one) for one in np.where(behind & (nearer | ~ahead), before, np.where(ahead, after, -1))]


def _camera_or_folder(item: Item) -> str:
    # A folder ends in a slash, so that it is not taken for the camera of that name.
    return item.camera if item.camera is not None else item.id.rpartition("/")[0] + "/"
