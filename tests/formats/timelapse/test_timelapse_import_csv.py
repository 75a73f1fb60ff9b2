from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alframe.errors import FormatError
from alframe.formats.timelapse import update as module
from alframe.formats.timelapse.import_csv import (
    accepts_value,
    has_only_import_columns,
    is_timelapse_time,
    write_import_csv,
)
from alframe.formats.timelapse.schema import FIELD_TYPES, Field
from alframe.formats.timelapse.template import Template, write_template
from alframe.formats.timelapse.update import RowUpdate, back_up, back_up_and_update_rows, is_timelapse_running
from tests.timelapse.simulator import Timelapse as Program
from tests.timelapse.simulator import snapshot
from tests.timelapse.template import Control
from tests.timelapse.values import wrong

TIMES = st.datetimes().map(str) | st.from_regex(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", fullmatch=True)
VALUES = (
    st.text(max_size=6)
    | st.integers().map(str)
    | st.floats().map(str)
    | st.decimals().map(str)
    | st.sampled_from(["true", "False", "a", "b", "a,b", "a, b", "", " ", "1.", ".5", "+1", "-0", "１", "a b"])
    | TIMES
)


@given(st.sampled_from(sorted(FIELD_TYPES - {"DateTime_", "Date_", "Time_"})), VALUES)
@example("IntegerPositive", "１")
@example("DecimalPositive", "1e3")
def test_nothing_is_written_that_timelapse_would_refuse(kind: str, value: str) -> None:
    choices = ("a", "b") if "Choice" in kind else ()
    if accepts_value(Field(kind, "X", choices=choices), value):
        assert not wrong(Control(kind, "X", "X", choices=choices), value)


@pytest.mark.parametrize("kind", sorted(FIELD_TYPES))
def test_usual_values_are_taken(kind: str) -> None:
    usual = {
        "Flag": ["true", "false", "True"],
        "FixedChoice": ["", "a"],
        "MultiChoice": ["", "a", "a,b"],
        "DateTime_": ["2024-05-01 10:00:00"],
        "Date_": ["2024-05-01"],
        "Time_": ["10:00:00"],
        "Note": ["", "any, thing\n"],
        "MultiLine": ["", "any, thing\n"],
        "AlphaNumeric": ["", "a-B_1"],
    }
    for value in usual.get(kind, ["", "3"]):
        assert accepts_value(Field(kind, "X", choices=("a", "b")), value)


@given(TIMES)
def test_times(value: str) -> None:
    if is_timelapse_time(value):
        assert not wrong(Control("DateTime_", "X", "X"), value)


TEMPLATE = Template((Field("Flag", "Selected"), Field("IntegerPositive", "ALRound"), Field("Note", "Guess")))


def rows(**cells: str) -> list[dict[str, str]]:
    row = {"File": "ü, 1.jpg", "RelativePath": "a\\b", "DateTime": "2024-05-01 10:00:00"}
    return [{**row, "Selected": "true", "ALRound": "3", "Guess": 'say "x"', **cells}]


def test_the_file_to_the_byte(tmp_path: Path) -> None:
    assert write_import_csv(tmp_path / "T.csv", TEMPLATE, rows())
    assert (tmp_path / "T.csv").read_bytes() == (
        "File,RelativePath,DateTime,Selected,ALRound,Guess\r\n"
        '"ü, 1.jpg",a\\b,2024-05-01 10:00:00,true,3,"say ""x"""\r\n'
    ).encode()
    assert not write_import_csv(tmp_path / "T.csv", TEMPLATE, [*rows(), *rows(DateTime="")])
    assert b"DateTime" not in (tmp_path / "T.csv").read_bytes()


@pytest.mark.parametrize("cells", [{"Selected": ""}, {"ALRound": "-1"}, {"Unknown": "x"}])
def test_what_would_stop_the_import_is_refused(tmp_path: Path, cells: dict[str, str]) -> None:
    with pytest.raises(FormatError, match=next(iter(cells))):
        write_import_csv(tmp_path / "T.csv", TEMPLATE, rows(**cells))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "header", ["RootFolder,File,RelativePath,DateTime", "File,RelativePath,DateTime,Species", "", "\ufeffFile", "\0"]
)
def test_a_file_of_another_origin_is_not_replaced(tmp_path: Path, header: str) -> None:
    file = tmp_path / "T.csv"
    file.write_text(header, encoding="utf-8")
    assert not has_only_import_columns(file, rows()[0])
    with pytest.raises(FormatError, match="not written by alframe"):
        write_import_csv(file, TEMPLATE, rows())
    assert file.read_text(encoding="utf-8") == header


# In place


@pytest.fixture
def ddb(tmp_path: Path) -> Path:
    from tests.timelapse.conftest import picture

    for name in ("a/1.jpg", "a/2.jpg"):
        picture(tmp_path / name)
    write_template(tmp_path / "T.tdb", (Field("Note", "Species"), Field("Flag", "Selected", default="false")))
    Program.open(tmp_path / "T.tdb").close()
    return tmp_path / "T.ddb"


def test_all_changes_or_none(ddb: Path) -> None:
    before = snapshot(ddb)
    good = RowUpdate(1, "1.jpg", "a", {"Selected": "true"})
    for bad in (
        RowUpdate(9, "1.jpg", "a", {"Selected": "true"}),
        RowUpdate(1, "2.jpg", "a", {"Selected": "true"}),
        RowUpdate(1, "1.jpg", "a", {"Novelty": "true"}),
    ):
        with pytest.raises(FormatError):
            back_up_and_update_rows(ddb, [good, bad], {})
        assert snapshot(ddb) == before
    backup = back_up_and_update_rows(ddb, [good], {"Log": "mine"})
    assert snapshot(backup) == before
    assert backup.parent.name == "Backups"
    assert [row["Selected"] for row in Program.open(ddb).records()] == ["true", "false"]
    assert not list(ddb.parent.glob("*-journal"))


def test_a_backup_has_what_is_only_in_the_log_beside_the_file(ddb: Path) -> None:
    Program.open(ddb).leave_wal(1, "Species", "fox")
    backup = back_up(ddb)
    assert "fox" in snapshot(backup)[0]


def test_a_lock_is_waited_for_and_then_reported(ddb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alframe.formats.timelapse.sqlite.LOCK_TIMEOUT", 0.05)
    before = snapshot(ddb)
    program = Program.open(ddb)
    with program.hold_lock(exclusive=False), pytest.raises(FormatError, match="Another program is using it"):
        back_up_and_update_rows(ddb, [RowUpdate(1, "1.jpg", "a", {"Selected": "true"})], {})
    assert snapshot(ddb) == before


def test_a_damaged_file_is_not_written_to(ddb: Path) -> None:
    content = ddb.read_bytes()
    ddb.write_bytes(content[:8192] + b"\xff" * 4096 + content[12288:])
    damaged = ddb.read_bytes()
    with pytest.raises(FormatError, match="Backups"):
        back_up_and_update_rows(ddb, [RowUpdate(1, "1.jpg", "a", {"Selected": "true"})], {})
    assert ddb.read_bytes() == damaged


@pytest.mark.parametrize(
    ("system", "listing", "running"),
    [
        ("win32", '"explorer.exe","1"\r\n"Timelapse.exe","2"\r\n', True),
        ("win32", '"explorer.exe","1"\r\n', False),
        ("darwin", "/sbin/launchd\n/x/wine/Timelapse.exe\n", True),
        ("darwin", "/sbin/launchd\n", False),
    ],
)
def test_programs_of_other_systems(system: str, listing: str, running: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sys, "platform", system)
    monkeypatch.setattr(module, "_run_command", lambda *command: listing)
    if system == "darwin":
        monkeypatch.setattr(module, "Path", lambda name: Path("/no/such/place"))
    assert is_timelapse_running() is running


def test_a_column_name_is_only_a_name(ddb: Path) -> None:
    with pytest.raises(FormatError):
        back_up_and_update_rows(ddb, [RowUpdate(1, "1.jpg", "a", {'Species" = 1; --': "x"})], {})
    assert sqlite3.connect(ddb).execute("SELECT count(*) FROM DataTable").fetchone() == (2,)
