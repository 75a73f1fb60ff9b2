"""Bursts by camera and gap, whose names and members outlast whatever comes later."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from alframe.engine.listing.sequences import add_times_from_files, assign_sequences
from alframe.errors import BadParams, PoolError
from alframe.settings import Sequences
from alframe.types import Item, ItemColumns
from tests.drive_failures import fail_for

START = datetime(2024, 5, 31, 6, 0)


def item(id: str, seconds: float | None, camera: str | None = None, sequence: str | None = None) -> Item:
    taken = None if seconds is None else START + timedelta(seconds=seconds)
    return Item(id, Path("/pool") / id, camera=camera, taken=taken, sequence=sequence)


def parts(items: list[Item], gap: float | None = 60) -> list[str | None]:
    return assign_sequences(ItemColumns.of(items), Sequences(gap))


def test_neighbours_within_the_gap_belong_together() -> None:
    a, b, c, d = parts([item("A/1", 0), item("A/4", 121.5), item("A/2", 60), item("A/3", 120)])
    assert a == b == c == d == "A/ 2024-05-31 06:00:00"
    assert len(set(parts([item("A/1", 0), item("A/2", 61), item("A/3", 122)]))) == 3
    assert len(set(parts([item("A/1", 0), item("A/2", 0.5)], gap=0))) == 2


def test_cameras_and_folders_are_apart() -> None:
    items = [
        item("x/1", 0, "A"),
        item("y/2", 1, "A"),
        item("x/3", 2, "B"),
        item("A/4", 3),
        item("A/b/5", 4),
        item("6", 5),
    ]
    first, second, *others = parts(items)
    assert first == second == "A 2024-05-31 06:00:00"
    assert len({first, *others}) == 5


def test_no_time_no_sequence_and_none_is_made_without_a_gap() -> None:
    assert parts([item("A/1", None), item("A/2", None), item("A/3", 0)])[:2] == [None, None]
    assert parts([item("A/1", 0, sequence="s"), item("A/2", 1)], gap=None) == ["s", None]


def test_given_sequences_stay_and_draw_their_neighbours_in() -> None:
    items = [
        item("A/0", 0),
        item("A/1", 5, sequence="s"),
        item("A/2", 10),
        item("A/3", 20, sequence="t"),
        item("A/4", 25),
    ]
    assert parts(items) == ["s", "s", "s", "t", "t"]
    assert parts([item("A/1", None, sequence="s"), item("A/2", 0)]) == ["s", "A/ 2024-05-31 06:00:00"]
    between = [item("A/1", 0, sequence="s"), item("A/2", 10), item("A/3", 20), item("A/4", 25, sequence="t")]
    assert parts(between) == ["s", "s", "t", "t"], "the nearest takes it in"


shots = st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 900) | st.none()), max_size=30)


@given(shots, st.integers(0, 200))
def test_it_is_the_plain_rule(shots: list[tuple[str, int | None]], gap: int) -> None:
    items = [item(f"{n}.jpg", seconds, camera) for n, (camera, seconds) in enumerate(shots)]
    expected: dict[str, str] = {}
    for camera in "AB":
        last, name = -1000, ""
        for seconds, id in sorted((s, f"{n}.jpg") for n, (c, s) in enumerate(shots) if c == camera and s is not None):
            if seconds - last > gap:
                name = f"{camera} {START + timedelta(seconds=seconds)}"
            expected[id], last = name, seconds
    assert parts(items, gap) == [expected.get(one.id) for one in items]


@given(shots, shots, st.integers(0, 200))
def test_whatever_comes_later_known_bursts_keep_name_and_members_and_take_their_neighbours_in(
    known: list[tuple[str, int | None]], new: list[tuple[str, int | None]], gap: int
) -> None:
    items = [item(f"{n}.jpg", seconds, camera) for n, (camera, seconds) in enumerate(known)]
    before = [replace(one, sequence=name) for one, name in zip(items, parts(items, gap), strict=True)]
    later = [item(f"new {n}.jpg", seconds, camera) for n, (camera, seconds) in enumerate(new)]
    names = parts(before + later, gap)
    assert names[: len(before)] == [one.sequence for one in before]
    for one, name in zip(later, names[len(before) :], strict=True):
        near = {
            other.sequence
            for other in before
            if one.taken and other.taken and other.camera == one.camera
            if abs((other.taken - one.taken).total_seconds()) <= gap
        }
        assert not near or name in near


def test_times_are_read_from_the_pictures_once_for_all_boxes_of_one(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0132] = "2024:05:31 06:00:00"
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=exif)
    Image.new("RGB", (8, 8)).save(tmp_path / "b.jpg")
    given = item("c.jpg", 7)
    items = [
        Item("a.jpg#1", tmp_path / "a.jpg"),
        Item("a.jpg#2", tmp_path / "a.jpg"),
        Item("b.jpg", tmp_path / "b.jpg"),
        given,
    ]
    assert [one.taken for one in add_times_from_files(items, Sequences())] == [START, START, None, given.taken]
    assert add_times_from_files(items, Sequences(times="none")) == items
    *_, by_file, same = add_times_from_files(items, Sequences(times="file"))
    assert by_file.taken is not None and by_file.meta == {"taken_from": "file"} and same == given


def test_times_that_cannot_be_read_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, text in (("a", "2024:05:31 06:00:00"), ("b", "05/06/2024 06:00"), ("c", "06/05/2024 06:00"), ("d", "")):
        exif = Image.Exif()
        exif[0x0132] = text
        Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.jpg", exif=exif)
    items = [Item(f"{name}.jpg", tmp_path / f"{name}.jpg") for name in "abcd"]
    assert [one.taken for one in add_times_from_files(items, Sequences())] == [START, None, None, None]
    assert "(EXIF): 2 times are unknown: '05/06/2024 06:00' (b.jpg) may be day/month or month/day" in caplog.text
    assert "3 of 4 images have no time in their EXIF; the first is b.jpg." in caplog.text


def test_camera_images_without_any_time_are_named_unless_their_bursts_are_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    items = [Item(name, tmp_path / name) for name in ("a.jpg", "b.jpg")]
    for listed, settings in (
        ([replace(item, sequence="burst") for item in items], Sequences()),
        (items, Sequences(gap=None)),
        (items, Sequences(times="none")),
        ([replace(item, path=item.path.with_suffix(".png")) for item in items], Sequences()),
    ):
        add_times_from_files(listed, settings)
    assert "recognise bursts" not in caplog.text
    add_times_from_files(items, Sequences())
    assert "None of the 2 images has a time in its EXIF, so alframe cannot recognise bursts" in caplog.text


def test_values_that_cannot_be() -> None:
    for wrong in (-1, float("nan"), float("inf")):
        with pytest.raises(BadParams, match=f"gap={wrong}: must be"):
            Sequences(gap=wrong)
    with pytest.raises(BadParams, match="times=clock: must be exif, file or none"):
        Sequences(times="clock")


def test_many_thousands_take_a_moment() -> None:
    items = [item(f"{n % 50}/{n}.jpg", n * 7.0, f"camera {n % 50}") for n in range(20_000)]
    start = time.process_time()
    assert len(set(parts(items, gap=300))) == 20_000
    assert len(set(parts(items, gap=350))) == 50
    assert time.process_time() - start < 3


def photos(folder: Path, count: int) -> list[Item]:
    exif = Image.Exif()
    exif[0x0132] = "2024:05:01 12:00:00"
    for number in range(count):
        Image.new("RGB", (8, 8)).save(folder / f"{number}.jpg", exif=exif)
    return [Item(f"{number}.jpg", folder / f"{number}.jpg") for number in range(count)]


@pytest.mark.parametrize("call", ["open", "stat"])
def test_a_drive_that_fails_leaves_no_image_without_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, call: str
) -> None:
    """What is listed once keeps its time: one file waits for the next run, and two end this one."""
    items = photos(tmp_path, 12)
    fail_for(monkeypatch, errno.EIO, [f"{row}.jpg" for row in range(4, 12)], [call], times=2)
    assert [item.taken for item in add_times_from_files(items, Sequences())] == [datetime(2024, 5, 1, 12)] * 12
    assert not caplog.text
    os.utime(tmp_path / "3.jpg")  # changed since, so that it is read again
    fail_for(monkeypatch, errno.EIO, ["3.jpg"], [call])
    assert [item.id for item in add_times_from_files(items, Sequences())] == [
        f"{row}.jpg" for row in range(12) if row != 3
    ]
    assert "1 of 12 images cannot be read because the drive or the network failed" in caplog.text
    os.utime(tmp_path / "7.jpg")
    fail_for(monkeypatch, errno.EIO, ["7.jpg"], [call])
    with pytest.raises(PoolError, match=r"2 of 12 images .* Connect it again"):
        add_times_from_files(items, Sequences())
