"""Clocks that stand still, start anew, are put back in autumn, or belong to a timer: never one burst without a word."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from alframe.engine.listing.clock_warnings import warn_of_clocks
from alframe.engine.listing.clocks import find_doubtful_sequences
from alframe.engine.listing.pool_listing import sync_pool_listing
from alframe.engine.listing.sequences import assign_sequences
from alframe.settings import Sequences
from alframe.store.ledger import Ledger
from alframe.types import UTC_OFFSET, Item, ItemColumns

NEW_YEAR = datetime(2000, 1, 1)
SPRING = datetime(2024, 5, 1, 6)


@dataclass
class Listed:
    """A pool that lists what it is given."""

    found: Sequence[Item]

    def items(self) -> Iterator[Item]:
        return iter(self.found)


def shots(times: Sequence[datetime | None], camera: str = "cam1", first: int = 1) -> list[Item]:
    """Files of a card, numbered in the order they were taken."""
    ids = [f"{camera}/IMG_{number:04}.JPG" for number in range(first, first + len(times))]
    return [Item(id, Path("/pool") / id, camera=camera, taken=taken) for id, taken in zip(ids, times, strict=True)]


def after(start: datetime, *seconds: float) -> list[datetime | None]:
    return [start + timedelta(seconds=second) for second in seconds]


def sizes(items: Sequence[Item]) -> list[int]:
    """How many images each burst has; an image in none counts as 1."""
    names = assign_sequences(ItemColumns.of(items), Sequences())
    return sorted([*Counter(filter(None, names)).values(), *[1] * names.count(None)])


def warned(items: Sequence[Item], caplog: pytest.LogCaptureFixture) -> str:
    caplog.clear()
    names = assign_sequences(ItemColumns.of(items), Sequences())
    with caplog.at_level(logging.WARNING):
        warn_of_clocks(replace(ItemColumns.of(items), sequences=names), Sequences())
    return caplog.text


@pytest.mark.parametrize("at", [NEW_YEAR, datetime(2023, 7, 8, 9, 10, 11)])
def test_a_clock_that_stands_still_makes_no_burst(at: datetime, caplog: pytest.LogCaptureFixture) -> None:
    good = shots(after(SPRING, 0, 1, 2, 1000), "cam2")
    items = shots([at] * 40) + good
    assert sizes(items) == [1] * 41 + [3]
    assert "40 images of 1 camera have times at which the camera clock stopped or was reset" in warned(items, caplog)
    assert f"40 of 'cam1', the first cam1/IMG_0001.JPG at {at}" in caplog.text
    assert warned(good, caplog) == ""


def test_boxes_of_one_image_are_one_image_of_the_clock(caplog: pytest.LogCaptureFixture) -> None:
    def boxes(items: Sequence[Item], count: int) -> list[Item]:
        numbers = range(1, count + 1)
        return [replace(item, id=f"{item.id}#{n}", meta={"box": f"{n} of {count}"}) for item in items for n in numbers]

    herd = boxes(shots(after(SPRING, *range(10))), 43)
    assert sizes(herd) == [430] and warned(herd, caplog) == ""
    assert sizes(boxes(shots([NEW_YEAR]), 4)) == [4], "one image at the start of a year"
    assert sizes(boxes(shots([SPRING] * 11), 2)) == [1] * 22
    assert "11 images of 1 camera have" in warned(boxes(shots([SPRING] * 11), 2), caplog)
    assert "11 of 'cam1', the first cam1/IMG_0001.JPG at" in caplog.text


def test_the_images_of_a_clock_that_ran_before_keep_their_bursts() -> None:
    items = shots([*after(SPRING, 0, 1, 2), *[SPRING + timedelta(hours=1)] * 27])
    assert sizes(items) == [1] * 27 + [3]


def test_a_clock_that_begins_anew_with_each_picture_makes_no_burst() -> None:
    assert sizes(shots(after(NEW_YEAR, *[second % 4 for second in range(60)]))) == [1] * 60
    assert sizes(shots([NEW_YEAR] * 3)) == [1] * 3, "exactly at the beginning of a year"
    assert sizes(shots(after(NEW_YEAR, 300, 300, 301, 301))) == [4], "a burst of two pictures a second"


def test_a_burst_of_new_year_stays_one_if_an_image_of_it_is_listed_later() -> None:
    items = shots(after(NEW_YEAR, 185, 185, 185, 10_000, 20_000))
    assert sizes(items) == sizes([items[place] for place in (0, 1, 3, 4, 2)]) == [1, 1, 3]


def test_ten_pictures_in_a_second_are_a_burst(caplog: pytest.LogCaptureFixture) -> None:
    items = shots([*[SPRING] * 10, *after(SPRING, *[60 + second / 6 for second in range(30)])])
    assert sizes(items) == [40]
    assert warned(items, caplog) == ""


def test_a_clock_set_back_in_the_middle_of_a_card_does_not_mix_two_moments(caplog: pytest.LogCaptureFixture) -> None:
    default = datetime(2015, 1, 1)
    days = [default + timedelta(seconds=3 + 20 * number) for number in range(4)]
    items = shots(
        [*after(SPRING, 0, 1), *days, *after(SPRING, 900, 901), *[day + timedelta(seconds=5) for day in days]]
    )
    assert sizes(items) == [2, 2, 4, 4]
    assert len(set(assign_sequences(ItemColumns.of(items), Sequences()))) == 4, "bursts of one time have two names"
    assert "8 images of 1 camera have times of a clock that may have been reset" in warned(items, caplog)


def test_times_in_the_future_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    assert "2 images of 1 camera have times in the future" in warned(shots(after(datetime(2090, 5, 1), 0, 1)), caplog)


def test_an_older_card_of_other_files_is_no_clock_set_back() -> None:
    first = shots(after(SPRING, 0, 1000))
    other = [replace(item, id=item.id.replace("IMG", "EK")) for item in shots(after(SPRING, 10, 1010))]
    assert sizes(first + other) == [2, 2]
    assert sizes(first[::-1] + other) == [2, 2], "numbers count, and not the order in the list"


def test_a_few_files_out_of_order_are_no_clock_set_back() -> None:
    assert sizes(shots(after(SPRING, 50_000, 0, 50_030, 50_060))) == [1, 3]
    assert sizes(shots(after(SPRING, *range(50_000, 50_020), *range(0, 20), *range(50_020, 50_030)))) == [10, 20, 20]


def test_names_that_are_in_no_order_of_time_say_nothing_about_the_clock() -> None:
    times = after(SPRING, *[1000 * number + second for number in range(40) for second in (0, 1, 2)])
    order = np.random.default_rng(0).permutation(len(times)).tolist()
    assert sizes(shots([times[place] for place in order])) == [3] * 40


def test_the_hour_that_comes_twice_in_autumn_is_two_hours() -> None:
    night = datetime(2024, 10, 27, 2, 30)
    twice = shots(after(night, 0, 1, 2, 1200, 10, 11, 1210))
    assert sizes(twice) == [1, 1, 2, 3], "by the numbers of the files"
    names = [replace(item, id=f"cam1/{item.taken}.jpg") for item in twice]
    assert sizes(names) == [2, 5], "nobody can tell"
    told = [replace(item, meta={UTC_OFFSET: str(7200 if number < 4 else 3600)}) for number, item in enumerate(names)]
    assert sizes(told) == [1, 1, 2, 3], "by the offsets from UTC"


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        (range(0, 86_400, 60), "at regular intervals, as by a timer"),
        ([59 * n + n % 2 for n in range(30)], "at regular intervals, as by a timer"),
        ([30 * n + 7 * n % 30 for n in range(150)], "too long for a burst"),
        ([n * n % 7 + 5 * n for n in range(300)], "too long for a burst"),
    ],
)
def test_no_label_counts_for_a_sequence_that_is_no_moment(
    seconds: Sequence[int], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    items = shots(after(SPRING, *seconds))
    name = f"cam1 {SPRING}"
    assert set(assign_sequences(ItemColumns.of(items), Sequences())) == {name}
    (doubtful,) = find_doubtful_sequences(
        ItemColumns.of([replace(item, sequence=name) for item in items]), 3600.0
    ).values()
    assert doubtful.size == len(seconds) and doubtful.reason == reason
    assert f"Sequence '{name}' has {len(seconds)} images in" in warned(items, caplog) and reason in caplog.text
    assert not find_doubtful_sequences(ItemColumns.of([replace(item, sequence=name) for item in items]), None)


def test_a_sequence_that_the_pool_gives_is_doubted_too_and_kept() -> None:
    items = [replace(item, sequence="episode 1") for item in shots([NEW_YEAR] * 40)]
    assert sizes(items) == [40]
    assert find_doubtful_sequences(ItemColumns.of(items), 3600.0)["episode 1"].reason == "40 of them at one instant"
    assert not find_doubtful_sequences(ItemColumns.of([replace(item, taken=SPRING) for item in items]), 3600.0), (
        "when it begins"
    )


def test_a_class_of_a_camera_whose_clock_stood_still_is_held_out_in_part(tmp_path: Path) -> None:
    still = [replace(item, label="hare") for item in shots([NEW_YEAR] * 30)]
    others = [replace(item, label="fox") for item in shots(after(SPRING, *range(0, 30_000, 1000)), "cam2")]
    with Ledger.open(tmp_path) as ledger:
        listing = sync_pool_listing(ledger, Listed(still + others), 0.2, "sequence", 0)
    assert Counter(item.label for item in listing.items if item.split == "test") == {"hare": 6, "fox": 6}


def test_two_places_with_cameras_of_one_name_are_told_apart_in_a_project_that_had_mixed_them(tmp_path: Path) -> None:
    def items(a: str, b: str, taken: list[datetime | None]) -> list[Item]:
        return [
            replace(item, id=f"{place}/{item.id}", camera=camera)
            for place, camera, by in (("A", a, 0), ("B", b, 1))
            for item in shots([time and time + timedelta(seconds=by) for time in taken])
        ]

    times = after(SPRING, 0, 2, 4, 1000, 1002)
    with Ledger.open(tmp_path) as ledger:
        before = sync_pool_listing(ledger, Listed(items("cam1", "cam1", times)), 0, "sequence", 0).items
        assert len({item.sequence for item in before}) == 2
        now = sync_pool_listing(ledger, Listed(items("A/cam1", "B/cam1", times)), 0, "sequence", 0).items
        assert Counter((item.sequence, item.camera) for item in now) == {
            (f"{camera} {SPRING + timedelta(seconds=first + by)}", camera): size
            for camera, by in (("A/cam1", 0), ("B/cam1", 1))
            for first, size in ((0, 3), (1000, 2))
        }
