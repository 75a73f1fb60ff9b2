"""Warn of times that look wrong, with counts and an example, because people do not notice a stopped camera clock."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import datetime, timedelta

import numpy as np

from alframe.engine.listing.clocks import (
    camera_or_folder,
    find_doubtful_sequences,
    is_just_after_new_year,
    sort_timed_images,
)
from alframe.settings import Sequences
from alframe.types import Ints, ItemColumns

log = logging.getLogger(__name__)
LAST_DEFAULT_YEAR = 2005  # before there were digital camera traps to speak of, but clocks begin there
LONG_BREAK = np.timedelta64(60, "D")  # after which a clock may have been set anew


def warn_of_clocks(items: ItemColumns, sequences: Sequences) -> None:
    """Log warnings on doubtful times and sequences of these items."""
    if sequences.gap is not None:
        shots = sort_timed_images(items, sequences.gap)
        is_single = np.array([items.sequences[row] is None for row in shots.rows.tolist()], bool)
        if (shots.is_stuck & is_single).any():
            log.warning(
                "%s have times at which the camera clock stopped or was reset: %s. They form no burst, so some images "
                "of one moment may be held out, and others not. holdout.group=camera prevents this.",
                *_count_and_example(items, shots.rows[shots.is_stuck & is_single]),
            )
        begins = shots.is_first_of_run | np.append(True, np.diff(shots.time) > LONG_BREAK)[: len(shots.rows)]
        begins_anew = begins & (
            is_just_after_new_year(shots.time) | (shots.time < np.datetime64(f"{LAST_DEFAULT_YEAR + 1}-01-01"))
        )
        in_such_a_run = begins_anew[np.maximum.accumulate(np.where(begins, np.arange(len(begins)), 0))]
        if (in_such_a_run & ~shots.is_stuck).any():
            log.warning(
                "%s have times of a clock that may have been reset, because they begin at the start of a year: %s. "
                "Correct them with sequences.clock_offsets=FILE, a CSV with the columns camera and offset (+1:00:00).",
                *_count_and_example(items, shots.rows[in_such_a_run & ~shots.is_stuck]),
            )
        is_future = shots.time > np.datetime64(datetime.now() + timedelta(days=2))
        if is_future.any():
            log.warning(
                "%s have times in the future: %s. "
                "Correct them with sequences.clock_offsets=FILE, a CSV with the columns camera and offset (-1:00:00).",
                *_count_and_example(items, shots.rows[is_future]),
            )
    doubtful = find_doubtful_sequences(items, sequences.longest)
    if doubtful:
        name, worst = max(doubtful.items(), key=lambda pair: pair[1].size)
        log.warning(
            "%d sequences do not look like bursts, so a label does not count for the whole sequence (propagate). "
            "Sequence '%s' has %d images in %s, %s. Is the camera clock stuck, or are several cameras in one folder? "
            "A batch takes at most per_sequence images of it. Set pool.camera_level to separate the cameras. If such "
            "sequences are correct, set sequences.longest=null.",
            *(len(doubtful), name, worst.size, worst.span, worst.reason),
        )


def _count_and_example(items: ItemColumns, rows: Ints) -> tuple[str, str]:
    """Return the numbers of images and cameras, and the images of one camera as an example."""
    image_ids, images = items.image_ids, dict[str, int]()
    for row in rows.tolist():
        images.setdefault(image_ids[row], row)
    names = {id_: camera_or_folder(items.cameras[row], id_) for id_, row in images.items()}
    cameras = Counter(names.values())
    camera, number = cameras.most_common(1)[0]
    first = next(id_ for id_, name in names.items() if name == camera)
    what = f"{len(images)} images of {len(cameras)} {'camera' if len(cameras) == 1 else 'cameras'}"
    return what, f"{number} of '{camera}', the first {first} at {items.taken[images[first]]}"
