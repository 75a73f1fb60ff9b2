"""When a picture was taken: from real cameras, from every kind of file, and from damaged headers."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from alframe.formats.times import earliest_file_time, parse_local_time, read_exif_time, read_exif_time_texts

NOON = datetime(2024, 5, 31, 12, 0, 7)


def picture(file: Path, tags: dict[int, object], kind: str = "JPEG") -> Path:
    """Tags below 0x9000 go to the first directory, the others to EXIF's own."""
    exif = Image.Exif()
    exif[0x0110] = "camera"
    for tag, value in tags.items():
        (exif if tag < 0x9000 else exif.get_ifd(0x8769))[tag] = value
    Image.new("RGB", (8, 8)).save(file, kind, exif=exif)
    return file


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_kind_of_picture_tells_its_time(tmp_path: Path, kind: str) -> None:
    tag = 0x0132 if kind == "TIFF" else 0x9003  # Pillow writes no EXIF directory into a TIFF
    assert read_exif_time(picture(tmp_path / "a", {tag: "2024:05:31 12:00:07"}, kind)) == NOON


@pytest.mark.parametrize(
    "worthless",
    ["0000:00:00 00:00:00", "    :  :     :  :  ", "", "2024:13:31 12:00:07", "2024:05:31", b"\xff\xfe\x00", 7, (1, 2)],
)
def test_a_worthless_time_gives_way_to_the_next_tag(tmp_path: Path, worthless: object) -> None:
    for tags in (
        {0x9003: worthless, 0x9004: "2024:05:31 12:00:07", 0x0132: "2025:01:01 00:00:00"},
        {0x9003: worthless, 0x9004: worthless, 0x0132: "2024:05:31 12:00:07"},
    ):
        try:
            file = picture(tmp_path / "a.jpg", tags)
        except Exception:  # Pillow does not write everything
            pytest.skip("cannot be written")
        assert read_exif_time(file) == NOON
    assert read_exif_time(picture(tmp_path / "a.jpg", {0x9003: worthless})) is None


def test_no_time(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.jpg")
    (tmp_path / "notes.jpg").write_text("no picture")
    (tmp_path / "empty.jpg").touch()
    for name in ("plain.jpg", "notes.jpg", "empty.jpg", "absent.jpg", "."):
        assert read_exif_time(tmp_path / name) is None


@pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert read_exif_time(tmp_path / "pipe.jpg") is None


def test_only_the_header_of_a_png_is_read(tmp_path: Path) -> None:
    whole = picture(tmp_path / "a.png", {0x9003: "2024:05:31 12:00:07"}, "PNG").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: whole.index(b"IDAT") + 8])
    assert read_exif_time(tmp_path / "cut.png") == NOON


@given(st.data())
def test_damaged_headers_cost_a_time_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp()
    whole = bytearray(picture(folder / "good.jpg", {0x9003: "2024:05:31 12:00:07", 0x0132: "x"}).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, 150))] = data.draw(st.integers(0, 255))
    (folder / "bad.jpg").write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    time = read_exif_time(folder / "bad.jpg")
    assert time is None or isinstance(time, datetime)


@pytest.mark.parametrize("before", [b"\xff" * 7, b"\xff\xe0\x00\x04ab" + b"\xff" * 300, b"\x00\x00"])
def test_bytes_that_fill_the_space_before_the_header_are_passed_over(tmp_path: Path, before: bytes) -> None:
    whole = picture(tmp_path / "a.jpg", {0x9003: "2024:05:31 12:00:07"}).read_bytes()
    start = whole.index(b"\xff\xe1")
    (tmp_path / "a.jpg").write_bytes(whole[:start] + before + whole[start:])
    assert read_exif_time(tmp_path / "a.jpg") == NOON


def test_a_time_of_unknown_form_is_kept_as_an_example(tmp_path: Path) -> None:
    files = [picture(tmp_path / "a.jpg", {0x9003: "May or so"}), picture(tmp_path / "b.jpg", {})]
    assert list(read_exif_time_texts(files)) == [["May or so", ""]]


@given(st.text())
def test_any_text_is_a_time_or_none(text: str) -> None:
    time = parse_local_time(text)
    assert time is None or time.tzinfo is None


@pytest.mark.parametrize(
    "text",
    [
        "2024:05:31 12:00:07",
        "2024-05-31T12:00:07+02:00",
        "2024-05-31 12:00:07.123",
        "2024-05-31T12:00:07Z",
        "2024/5/31 12:00:07",
    ],
)
def test_the_clock_of_the_camera_counts(text: str) -> None:
    assert parse_local_time(text) == NOON


def test_many_come_in_their_order(tmp_path: Path) -> None:
    paths = [picture(tmp_path / f"{n}.jpg", {0x9003: f"2024:05:31 12:00:{n:02}"}) for n in range(5)] * 120
    texts = [text for part in read_exif_time_texts(paths) for text in part]
    assert texts == [f"2024:05:31 12:00:{n:02}" for n in range(5)] * 120


def test_the_file_s_own_time_is_the_earlier_one(tmp_path: Path) -> None:
    file = picture(tmp_path / "a.jpg", {})
    os.utime(file, (0, 86_400 * 365))
    assert earliest_file_time(file) == datetime.fromtimestamp(86_400 * 365)
    assert earliest_file_time(tmp_path / "absent") is None


def test_real_cameras_agree_with_the_names_of_their_files(shared_data: Path) -> None:
    files = sorted((shared_data / "camtrapr-borneo-exif").rglob("*.JPG"))
    assert len(files) == 68
    for file, text in zip(files, [text for part in read_exif_time_texts(files) for text in part], strict=True):
        time = parse_local_time(text)
        assert time is not None
        assert time.strftime("%Y-%m-%d__%H-%M-%S") in file.name
