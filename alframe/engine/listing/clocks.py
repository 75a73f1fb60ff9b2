"""What the times of its images show about a camera: its clock stopped or was set back, or a timer took the images."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from alframe.types import UTC_OFFSET, Bools, Ints, ItemColumns, Times

SECOND = np.timedelta64(1, "s")

# More images than this at one instant, or within 5 seconds, are not taken by a camera whose clock runs.
MAX_AT_ONE_INSTANT = 10
MAX_IN_FIVE_SECONDS = 30
# A clock that is this much earlier than for the file before was set back: by hand, in autumn, or by new batteries.
MIN_SET_BACK = np.timedelta64(15, "m")
MAX_SHARE_SET_BACK = 0.1  # of a series of files; with more, their numbers say nothing about time
# At least so many images at regular intervals of at least so many seconds are a time-lapse.
MIN_TIME_LAPSE_IMAGES, MIN_INTERVAL = 20, 10 * SECOND
MIN_REGULAR_SHARE = 0.8  # of the intervals
MAX_BURST_IMAGES = 200
_EPOCH, _MICROSECOND = datetime(1970, 1, 1), timedelta(microseconds=1)
_LAST_NUMBER = re.compile(r"(.*?)(\d{1,18})\D*(?:\.[^.]*)?", re.DOTALL)


@dataclass(frozen=True)
class TimedImages:
    """The images of known time, sorted by camera, run and time.

    `rows` (n,) are their positions in the pool; `camera` (n,) and `run` (n,) are numbers. A new run of a camera begins
    whenever its clock was set back. `is_stuck` (n,): the clock stood still.
    """

    rows: Ints
    camera: Ints
    run: Ints
    time: Times
    is_stuck: Bools

    @property
    def is_first_of_run(self) -> Bools:
        """(n,) whether each image begins a run."""
        changes = (np.diff(self.camera) != 0) | (np.diff(self.run) != 0)
        return np.append(True, changes)[: len(self.rows)]

    def with_running_clock(self) -> TimedImages:
        """Return the images that were taken while the clock ran."""
        runs = ~self.is_stuck
        return TimedImages(self.rows[runs], self.camera[runs], self.run[runs], self.time[runs], self.is_stuck[runs])


def camera_or_folder(camera: str | None, id_: str) -> str:
    """Return an item's camera, or else its folder. The folder ends in a slash, so it differs from any camera name."""
    return camera if camera is not None else id_.rpartition("/")[0] + "/"


def sort_timed_images(items: ItemColumns, gap: float) -> TimedImages:
    """Return the images of known time as `TimedImages`; `gap` is the longest pause within a burst in seconds."""
    rows = np.array([row for row, taken in enumerate(items.taken) if taken is not None], np.int64)
    numbers: dict[str, int] = {}
    names = (camera_or_folder(items.cameras[row], items.ids[row]) for row in rows.tolist())
    camera = np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int64)
    times = (_comparable_time(taken, meta) for taken, meta in zip(items.taken, items.metas, strict=True) if taken)
    # Not as an array of datetimes, which NumPy takes five times as long to convert.
    time = np.array([(each - _EPOCH) // _MICROSECOND for each in times], np.int64).view("datetime64[us]")
    run = np.zeros(len(rows), np.int64)
    disordered = _rows_of_disordered_cameras(camera, time)
    run[disordered] = _count_resets_before_each(
        [items.ids[row] for row in rows[disordered].tolist()], camera[disordered], time[disordered], gap
    )
    is_stuck = _is_clock_stuck(_number_images(items)[rows], camera, time)
    order = np.lexsort((time, run, camera))
    return TimedImages(rows[order], camera[order], run[order], time[order], is_stuck[order])


def _number_images(items: ItemColumns) -> Ints:
    """Return (n,) the number of the image of each item (boxes of one image have the same number)."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(id_, len(numbers)) for id_ in items.image_ids], np.int64)


def _comparable_time(taken: datetime, meta: Mapping[str, str]) -> datetime:
    """Return the time of an item, in UTC if offsets differ, as in the repeated hour in autumn."""
    if taken.tzinfo is not None:
        taken = taken.replace(tzinfo=None)
    return taken - timedelta(seconds=int(meta[UTC_OFFSET])) if UTC_OFFSET in meta else taken


def _rows_of_disordered_cameras(camera: Ints, time: Times) -> Ints:
    """Return the rows of all images of cameras whose images are not listed in the order of time."""
    if not len(camera):
        return np.zeros(0, np.int64)
    order = np.argsort(camera, kind="stable")
    goes_back = (np.diff(camera[order]) == 0) & (np.diff(time[order]) < np.timedelta64(0, "us"))
    is_disordered = np.bincount(camera[order][1:], goes_back, camera.max() + 1) > 0
    return np.flatnonzero(is_disordered[camera])


def _count_resets_before_each(ids: Sequence[str], camera: Ints, time: Times, gap: float) -> Ints:
    """Return (n,) how often the clock was set back before each image, according to the numbers of the files.

    A series is the files of a camera whose names differ only in their last number. If its times go back very often, the
    numbers are not in the order of the images, and all its images are one run. In a short series, only changes that
    clocks make themselves count: the time jumps to the start of a year, or goes back an hour in autumn.
    """
    runs = np.zeros(len(ids), np.int64)
    if not len(ids):
        return runs
    names = [_LAST_NUMBER.fullmatch(id) for id in ids]
    numbers: dict[tuple[int, str], int] = {}
    before = [name[1] if name else id for name, id in zip(names, ids, strict=True)]
    pairs = zip(camera.tolist(), before, strict=True)
    series = np.array([numbers.setdefault(pair, len(numbers)) for pair in pairs], np.int64)
    number = np.array([int(name[2]) if name else 0 for name in names], np.int64)
    order = np.lexsort((number, series))
    series, time = series[order], time[order]
    is_same = np.append(False, np.diff(series) == 0)
    back = np.append(np.timedelta64(0, "us"), time[:-1] - time[1:])
    least = np.where(is_just_after_new_year(time), np.timedelta64(round(gap * 1e6), "us"), MIN_SET_BACK)
    is_set_back = is_same & (back > least)
    sizes = np.bincount(series)
    number_set_back = np.bincount(series, is_set_back, len(sizes))
    tells = (number_set_back <= MAX_SHARE_SET_BACK * sizes)[series]
    tells |= (number_set_back <= 2)[series] & (is_just_after_new_year(time) | _is_end_of_summer_time(time, back))
    total = np.cumsum(is_set_back & tells)
    first = np.maximum.accumulate(np.where(is_same, 0, np.arange(len(ids))))
    runs[order] = total - total[first]
    return runs


def _is_clock_stuck(image: Ints, camera: Ints, time: Times) -> Bools:
    """Return (n,) which items have times of a stopped or reset clock; boxes of one image count once."""
    _, first, image_number = np.unique(image, return_index=True, return_inverse=True)
    order = first[np.lexsort((time[first], camera[first]))]
    is_stuck = np.zeros(len(image), bool)
    is_stuck[order] = _is_sorted_clock_stuck(camera[order], time[order])
    stuck: Bools = is_stuck[first][image_number]
    return stuck


def _is_sorted_clock_stuck(camera: Ints, time: Times) -> Bools:
    """Return (n,) which images, sorted by camera and time, have times of a stopped or reset clock."""
    stuck = np.zeros(len(time), bool)
    for most, span in ((MAX_AT_ONE_INSTANT, 0 * SECOND), (MAX_IN_FIVE_SECONDS, 5 * SECOND)):
        first = np.arange(max(0, len(time) - most))
        is_crowded = (camera[first] == camera[first + most]) & (time[first + most] - time[first] <= span)
        edges = np.zeros(len(time) + 1, np.int64)
        np.add.at(edges, first[is_crowded], 1)
        np.add.at(edges, first[is_crowded] + most + 1, -1)
        stuck |= np.cumsum(edges[:-1]) > 0
    is_same = (np.diff(camera) == 0) & (np.diff(time) == np.timedelta64(0, "us"))
    has_equal = np.append(is_same, False) | np.append(False, is_same)
    stuck |= has_equal & (time == time.astype("datetime64[Y]"))
    return stuck


def is_just_after_new_year(time: Times) -> Bools:
    """Return (n,) which times are in the first six hours of a year, where a reset clock begins."""
    is_early: Bools = np.less(time - time.astype("datetime64[Y]"), np.timedelta64(6, "h"))
    return is_early


def _is_end_of_summer_time(time: Times, back: npt.NDArray[np.timedelta64]) -> Bools:
    """Return (n,) whether the clock went `back` to this time because summer time ended: by an hour, on a Sunday."""
    days = time.astype("datetime64[D]").astype(np.int64)
    month = time.astype("datetime64[M]").astype(np.int64) % 12 + 1
    is_sunday = (days + 4) % 7 == 0  # 1 January 1970 was a Thursday
    is_end: Bools = is_sunday & np.isin(month, (3, 4, 10, 11)) & np.less_equal(back, np.timedelta64(1, "h"))
    return is_end


def is_time_lapse(time: Times) -> bool:
    """Return whether images at these sorted times were taken by a timer and not by an animal."""
    if len(time) < MIN_TIME_LAPSE_IMAGES:
        return False
    intervals = np.diff(time)
    usual = np.median(intervals.astype(np.int64)).astype("timedelta64[us]")
    tolerance = max(2 * SECOND, usual / 50)
    return bool(usual >= MIN_INTERVAL and (np.abs(intervals - usual) <= tolerance).mean() >= MIN_REGULAR_SHARE)


@dataclass(frozen=True, slots=True)
class DoubtfulSequence:
    """A sequence that is probably no burst: its number of images, its duration, and the reason."""

    size: int
    span: timedelta
    reason: str


def find_doubtful_sequences(items: ItemColumns, longest: float | None) -> dict[str, DoubtfulSequence]:
    """Return the sequences in which a label of one image must not count for others, by name.

    They last more than `longest` seconds, have more than 200 images, were taken by a timer, or have more than 10 images
    at one instant just after a new year. If `longest` is None, no sequence is doubtful.
    """
    if longest is None:
        return {}
    sizes: Counter[str] = Counter()
    times = defaultdict(list)
    seen = set[str]()
    for image_id, sequence, taken, meta in zip(items.image_ids, items.sequences, items.taken, items.metas, strict=True):
        if sequence is not None and image_id not in seen:
            seen.add(image_id)
            sizes[sequence] += 1
            if taken is not None:
                times[sequence].append(_comparable_time(taken, meta))
    doubtful = {}
    for name, size in sizes.items():
        known = times.get(name, [])
        span = max(known) - min(known) if known else timedelta(0)
        if reason := _reason_for_doubt(size, span, known, longest):
            doubtful[name] = DoubtfulSequence(size, span, reason)
    return doubtful


def _reason_for_doubt(size: int, span: timedelta, times: Sequence[datetime], longest: float) -> str:
    """Return why a sequence is no burst, as the end of a sentence; "" if it may be a burst."""
    if len(times) > MAX_AT_ONE_INSTANT:
        # At another instant they are of a sequence that the pool gives, with the time at which it begins.
        (instant, most), *_ = Counter(times).most_common(1)
        if most > MAX_AT_ONE_INSTANT and is_just_after_new_year(np.array([instant], "datetime64[us]"))[0]:
            return f"{most} of them at one instant"
        if is_time_lapse(np.sort(np.array(times, "datetime64[us]"))):
            return "at regular intervals, as by a timer"
    return "too long for a burst" if size > MAX_BURST_IMAGES or span.total_seconds() > longest else ""
