"""Bursts: images of one camera at nearly the same time. They show the same moment and must stay together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain, count

import numpy as np
import numpy.typing as npt

from alframe.data.drive_failures import DriveFailures
from alframe.data.reasons import explain_file_error
from alframe.engine.listing.clocks import TimedImages, camera_or_folder, sort_timed_images
from alframe.formats.time_columns import TimeColumn
from alframe.formats.times import earliest_file_time, read_exif_time_texts
from alframe.progress import Bar
from alframe.settings import Sequences
from alframe.types import Bools, Ints, Item, ItemColumns

log = logging.getLogger(__name__)
_CAMERA_FILE_SUFFIXES = (".jpg", ".jpeg")  # cameras write EXIF into these; pictures of other origins seldom are bursts


def add_times_from_files(items: Sequence[Item], sequences: Sequences) -> list[Item]:
    """Return the items with the times in their files; meta["taken_from"] is "file" for the time of the file itself.

    Times from the pool stay. The log has the number of times that cannot be read. If a drive fails for a few files,
    their items are left out of this listing, because a listed item keeps its time. Raises PoolError if it fails for
    more files.
    """
    paths = list({item.path: item.id for item in items if item.taken is None}.items())
    if sequences.times == "none" or not paths:
        return list(items)
    texts: list[str] = []
    failures = DriveFailures(len(paths))
    with Bar("Reading times", total=len(paths), unit="img") as bar:
        for part in read_exif_time_texts([path for path, _ in paths]):
            for text in part:
                failures.note_read(
                    paths[len(texts)][0], explain_file_error(text) if isinstance(text, OSError) else None
                )
                texts.append("" if isinstance(text, OSError) else text)
            bar.advance(len(part))
    failures.warn()
    column = TimeColumn(texts, may_be_days=False)  # a camera writes hours: where all is midnight, its clock stands
    exif_times = {path: column.read(text, id).time for (path, id), text in zip(paths, texts, strict=True)}
    for warning in column.warnings():
        log.warning("The images' own times (EXIF): %s", warning)
    if 0 < column.known < len(paths):
        example = next(id for path, id in paths if exif_times[path] is None)
        log.warning(
            "%d of %d images have no time in their EXIF; the first is %s. Each of them counts as a sequence of its "
            "own.",
            *(len(paths) - column.known, len(paths), example),
        )
    elif not column.known and sequences.gap is not None and _may_hide_bursts(items):
        log.warning(
            "None of the %d images has a time in its EXIF, so alframe cannot recognise bursts. It may request several "
            "frames of a burst, and test the model on frames of bursts from which it learned. If your images form "
            "bursts, name the burst of each image in a table: pool=csv pool.sequence_column=COLUMN.",
            len(paths),
        )
    return [
        item if item.taken is not None else _add_time(item, exif_times[item.path], sequences.times == "file")
        for item in items
        if item.path not in failures.failed
    ]


def _may_hide_bursts(items: Sequence[Item]) -> bool:
    return all(item.sequence is None for item in items) and any(
        item.path.suffix.lower() in _CAMERA_FILE_SUFFIXES for item in items
    )


def _add_time(item: Item, exif_time: datetime | None, use_file_time: bool) -> Item:
    if exif_time is not None:
        return replace(item, taken=exif_time)
    if use_file_time and (time := earliest_file_time(item.path)) is not None:
        return replace(item, taken=time, meta={**item.meta, "taken_from": "file"})
    return item


def assign_sequences(
    items: ItemColumns, sequences: Sequences, has_found_sequence: Bools | None = None
) -> list[str | None]:
    """Return (n,) the sequence of each item: its own, or else a sequence by camera and time; None without a time.

    An item without a sequence joins the nearest item of its burst that has a sequence (the earlier of two). If no item
    of a burst has a sequence, its name is made from its camera and first time. So known sequences keep their names and
    members if images are added.

    Images with times of a stopped clock form no burst, and no burst contains a time at which the clock was set back.
    `has_found_sequence` (n,): this function has found the item's sequence before; the pool has not given it. The
    sequence is found again if these rules no longer allow it.
    """
    names = items.sequences.copy()
    if sequences.gap is None or (has_found_sequence is None and None not in names):
        return names
    shots = sort_timed_images(items, sequences.gap)
    if has_found_sequence is not None:
        for row in _rows_to_find_anew(names, shots, has_found_sequence):
            names[row] = None
    shots = shots.with_running_clock()
    if all(names[row] is not None for row in shots.rows.tolist()):  # as in every later command on the same images
        return names
    is_close = np.diff(shots.time) <= np.timedelta64(round(sequences.gap * 1e6), "us")
    starts = np.flatnonzero(np.concatenate([[True], shots.is_first_of_run[1:] | ~is_close])[: len(shots.rows)])
    sizes = np.diff(np.append(starts, len(shots.rows)))
    start, size = np.repeat(starts, sizes), np.repeat(sizes, sizes)  # of each row's burst
    has_name = np.array([names[row] is not None for row in shots.rows.tolist()], bool)
    source = _position_of_nearest_named(has_name, shots.time, start, size)
    taken_names = {name for name in names if name is not None}
    fresh: dict[int, str] = {}
    for row, nearest, first in zip(shots.rows.tolist(), source, start.tolist(), strict=True):
        if nearest >= 0:
            names[row] = names[int(shots.rows[nearest])]  # its own, if it has one
        elif first in fresh:
            names[row] = fresh[first]
        else:
            leader = items[int(shots.rows[first])]
            camera = camera_or_folder(leader.camera, leader.id)
            names[row] = fresh[first] = _take_free_name(f"{camera} {leader.taken}", taken_names)
    return names


def _take_free_name(name: str, taken_names: set[str]) -> str:
    """Return a new name of a burst, and add it to the names. A clock that was set back shows the same time twice."""
    names = chain([name], (f"{name} ({number})" for number in count(2)))
    free = next(each for each in names if each not in taken_names)
    taken_names.add(free)
    return free


def _rows_to_find_anew(names: Sequence[str | None], shots: TimedImages, has_found_sequence: Bools) -> list[int]:
    """Return the rows with a found sequence that is not allowed: over several runs, or with a stopped clock."""
    positions = np.flatnonzero(has_found_sequence[shots.rows])
    positions = positions[[names[row] is not None for row in shots.rows[positions].tolist()]]
    if not len(positions):
        return []
    numbers: dict[str | None, int] = {}
    sequence = np.array([numbers.setdefault(names[row], len(numbers)) for row in shots.rows[positions].tolist()])
    strand = np.cumsum(shots.is_first_of_run)[positions]
    low = np.full(len(numbers), len(shots.rows) + 1)
    high = np.zeros(len(numbers), np.int64)
    np.minimum.at(low, sequence, strand)
    np.maximum.at(high, sequence, strand)
    is_wrong = low != high
    np.logical_or.at(is_wrong, sequence, shots.is_stuck[positions])
    wrong: list[int] = shots.rows[positions[is_wrong[sequence]]].tolist()
    return wrong


def _position_of_nearest_named(has_name: Bools, time: npt.NDArray[np.datetime64], start: Ints, size: Ints) -> list[int]:
    """Return (n,) the position in the same burst from which each position takes its name; -1 if no position has one.

    `time` (n,) is sorted within a burst; `start` and `size` (n,) are the first position and the size of each position's
    burst.
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
