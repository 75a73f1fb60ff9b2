"""Timelapse's own data file as a pool: its times, its labels, and what it marks for deletion."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from alframe.errors import BadParams, FormatError, PoolError
from alframe.formats.timelapse.template import Field, create_template_tables
from alframe.pools.timelapse import Timelapse
from alframe.testing.pool import PoolSuite
from alframe.types import Item

ROW = {"DateTime": "2024-05-31 06:00:00", "DeleteFlag": "false", "Species": "", "Episode": ""}


def write(folder: Path, *rows: dict[str, str]) -> Path:
    """A data file of the present version, and its first image."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "TimelapseData.ddb"
    file.unlink(missing_ok=True)
    names = ("File", "RelativePath", *ROW)
    with closing(sqlite3.connect(file)) as db, db:
        columns = ", ".join(f"{name} TEXT DEFAULT ''" for name in names)
        db.execute(f"CREATE TABLE DataTable (Id INTEGER PRIMARY KEY AUTOINCREMENT, {columns})")
        db.execute("CREATE TABLE ImageSetTable (Id INTEGER PRIMARY KEY, VersionCompatabily TEXT)")
        db.executemany(
            f"INSERT INTO DataTable ({', '.join(names)}) VALUES (?, ?, ?, ?, ?, ?)",
            [tuple({"RelativePath": "", **ROW, **row}[name] for name in names) for row in rows],
        )
    for row in rows[:2]:
        place = folder / row.get("RelativePath", "").replace("\\", "/")
        place.mkdir(parents=True, exist_ok=True)
        (place / row["File"]).touch()
    return file


def read(folder: Path, *rows: dict[str, str], **params: Any) -> list[Item]:
    return list(Timelapse(write(folder, *rows), **params).items())


class TestTimelapseSuite(PoolSuite):
    def make(self, folder: Path) -> Timelapse:
        return Timelapse(folder / "TimelapseData.ddb", label_field="Species", camera_level=1, episode_field="Episode")

    def fill_folder(self, folder: Path) -> None:
        write(
            folder, {"File": "1.JPG", "RelativePath": "S\\A", "Species": "fox", "Episode": "3:1|2"}, {"File": "2.jpg"}
        )


def test_all_that_is_known(tmp_path: Path) -> None:
    row = {"File": "1.JPG", "RelativePath": "S1\\D1", "Species": " red fox ", "Episode": "23:1|7"}
    (one,) = read(tmp_path, row, label_field="Species", camera_level=1, episode_field="Episode")
    assert one == Item(
        id="S1/D1/1.JPG",
        path=tmp_path / "S1" / "D1" / "1.JPG",
        label="red fox",
        camera="S1",
        taken=datetime(2024, 5, 31, 6),
        sequence="S1/D1/ 23",
    )
    (one,) = read(tmp_path, row)
    assert (one.label, one.camera, one.sequence) == (None, None, None)


def test_times_of_another_form_are_read_by_the_column_or_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"File": f"{n}.jpg", "DateTime": f"05/{n:02}/2024 4:05:00 PM"} for n in (1, 2)]
    assert [item.taken for item in read(tmp_path, *rows)] == [None, None]
    assert "2 times are unknown: '05/01/2024 4:05:00 PM' (record 1, 1.jpg) may be day/month or month/day" in caplog.text
    rows.append({"File": "3.jpg", "DateTime": "05/31/2024 4:05:00 PM"})
    assert [item.taken for item in read(tmp_path, *rows)] == [datetime(2024, 5, day, 16, 5) for day in (1, 2, 31)]


def test_two_folders_of_one_name_are_two_cameras(tmp_path: Path) -> None:
    rows = [{"File": "1.jpg", "RelativePath": f"{place}\\cam1"} for place in "AB"]
    assert [item.camera for item in read(tmp_path, *rows, camera_level=2)] == ["A/cam1", "B/cam1"]


def test_records_of_one_image(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [
        {"File": f"{n}.jpg", "Species": name} for n, name in ((1, ""), (1, "fox"), (2, "fox"), (2, "hare"), (3, ""))
    ]
    found = read(tmp_path, *rows, label_field="Species")
    assert [(one.id, one.label) for one in found] == [("1.jpg", "fox"), ("3.jpg", None)]
    assert "1 images left out, because they have several classes" in caplog.text
    assert [one.label for one in read(tmp_path, *rows, label_field="Species", several="first")] == ["fox", "fox", None]


def test_videos_and_what_is_marked_for_deletion_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [{"File": "1.jpg"}, {"File": "2.jpg", "DeleteFlag": "True"}, {"File": "3.avi"}]
    copy = {"File": "1.jpg", "DeleteFlag": "true", "Species": "hare"}
    found = read(tmp_path, *rows, copy, label_field="Species")
    assert [(one.id, one.label) for one in found] == [("1.jpg", None)]
    assert "1 images left out, because they are marked for deletion" in caplog.text
    assert "1 images left out, because they are not images" in caplog.text


@pytest.mark.parametrize("text", ["", "1|7", "x:1|7", "nonsense"])
def test_an_episode_is_what_timelapse_writes(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, {"File": "1.jpg", "Episode": text}, episode_field="Episode")[0].sequence is None


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no field with the Data Label 'Art'"):
        read(tmp_path, {"File": "1.jpg"}, label_field="Art")
    with pytest.raises(FormatError, match=r"absent.ddb"):
        list(Timelapse(tmp_path / "absent.ddb").items())
    with pytest.raises(PoolError, match="lists no image that can be used"):
        read(tmp_path)
    with pytest.raises(PoolError, match=r"None of the 1 images .* Set pool.root"):
        list(Timelapse(write(tmp_path / "set", {"File": "1.jpg"}), root=tmp_path / "else").items())
    with pytest.raises(BadParams, match="camera_level=0: must be at least 1"):
        Timelapse("x.ddb", camera_level=0)


def test_a_real_file(samples: Path, tmp_path: Path) -> None:
    sample = samples / "timelapse" / "TimelapseData.ddb"
    (tmp_path / "Station1" / "Deployment1a").mkdir(parents=True)
    (tmp_path / "Station1" / "Deployment1a" / "IMG_001.jpg").touch()
    found = list(Timelapse(sample, root=tmp_path, camera_level=1).items())
    assert len(found) == 4 and found[0].camera == "Station1"
    assert found[0].taken == datetime(2025, 1, 3, 18, 1, 53)


@pytest.mark.parametrize(("kind", "label"), [("MultiChoice", "fox"), ("Note", "fox,hare")])
def test_choices_of_one_cell_are_several_classes(tmp_path: Path, kind: str, label: str) -> None:
    file = write(tmp_path, {"File": "a.jpg", "Species": "fox,hare"}, {"File": "b.jpg", "Species": "fox"})
    with closing(sqlite3.connect(file)) as db, db:
        create_template_tables(db, [Field(kind, "Species")])
    assert [item.label for item in Timelapse(file, label_field="Species", several="first").items()] == [label, "fox"]
