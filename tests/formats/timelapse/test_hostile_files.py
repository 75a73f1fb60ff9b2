"""A data file may be anybody's: whatever is in it ends, soon, with its records or with a worded error."""

from __future__ import annotations

import _thread
import random
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from alframe.errors import FormatError
from alframe.formats.timelapse import sqlite as module
from alframe.formats.timelapse.data import find_images_with_empty_cell, read_records
from alframe.formats.timelapse.sqlite import check_integrity, open_read_only
from alframe.formats.timelapse.template import all_lists_offer_empty, parse_choices, read_template
from alframe.label_sources.timelapse.set_source import TimelapseSet
from alframe.types import Item, Request
from tests.timelapse.simulator import Timelapse as Program
from tests.timelapse.template import TemplateEditor

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data file of three images, of which two have a species."""
    folder = tmp_path_factory.mktemp("set")
    for name in ("a", "b", "c"):
        (folder / f"{name}.jpg").write_bytes(b"\xff\xd8\xff")
    editor = TemplateEditor.new(folder / "TimelapseTemplate.tdb")
    editor.add("FixedChoice", "Species", ("fox", "deer")).add("Flag", "Selected").add("IntegerPositive", "ALRound")
    editor.add("Note", "ALPrediction").add("DecimalPositive", "ALConfidence")
    program = Program.open(folder / "TimelapseTemplate.tdb")
    program.label("a.jpg", "fox")
    program.label("b.jpg", "deer")
    program.close()
    return next(folder.glob("*.ddb"))


@pytest.fixture
def ddb(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(whole, tmp_path / "TimelapseData.ddb"))


def change(ddb: Path, *statements: str) -> None:
    with closing(sqlite3.connect(ddb)) as db, db:
        for statement in statements:
            db.execute(statement)


def species(ddb: Path) -> list[str]:
    return [record.cells["Species"] for record in read_records(ddb, ["Species"])]


def readings(ddb: Path) -> Iterator[object]:
    """All that is read of a data file."""
    items = tuple(Item(f"{name}.jpg", ddb.parent / f"{name}.jpg") for name in ("a", "b", "c"))
    request = Request(1, items, ("fox", "deer"), ddb.parent / "labels")
    yield lambda: check_integrity(ddb)
    yield lambda: read_template(ddb)
    yield lambda: all_lists_offer_empty(ddb)
    yield lambda: species(ddb)
    yield lambda: list(read_records(ddb, ["Species"], "Species"))
    yield lambda: find_images_with_empty_cell(ddb, "Species", [("", "c.jpg")])
    yield lambda: TimelapseSet(ddb).collect(request)


@pytest.mark.parametrize("times", [120, pytest.param(5_000, marks=pytest.mark.slow)])
def test_spoilt_bytes_are_read_or_worded(times: int, whole: Path, ddb: Path) -> None:
    dice, data, refused = random.Random(times), whole.read_bytes(), 0
    for _ in range(times):
        spoilt = bytearray(data)
        for _ in range(dice.choice([1, 3, 100])):
            spoilt[dice.randrange(100 if dice.random() < 0.2 else len(spoilt))] = dice.randrange(256)
        ddb.write_bytes(spoilt[: dice.randrange(len(spoilt))] if dice.random() < 0.2 else spoilt)
        for read in readings(ddb):
            try:
                read()
            except FormatError as error:
                refused += 1
                assert str(ddb) in str(error)
    assert refused > times / 2


@pytest.mark.parametrize("table", ["DataTable", "TemplateTable", "ImageSetTable"])
def test_a_view_without_end_is_refused_at_once(table: str, ddb: Path) -> None:
    with closing(sqlite3.connect(ddb)) as db:
        columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    cells = ", ".join(f"x AS {name}" for name in columns)
    change(ddb, f"DROP TABLE {table}", f"CREATE VIEW {table} AS {ENDLESS} SELECT {cells} FROM n")
    began = time.monotonic()
    for read in (lambda: read_template(ddb), lambda: species(ddb)):
        with pytest.raises(FormatError, match=f"{table} is not a table.*Open it once in Timelapse"):
            read()
    assert time.monotonic() - began < 2


def test_a_query_without_end_is_stopped(ddb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_STEPS", 5_000_000)
    with pytest.raises(FormatError, match="does not end"), open_read_only(ddb) as db:
        db.execute(f"{ENDLESS} SELECT count(*) FROM n").fetchall()


def test_ctrl_c_stops_a_query(ddb: Path) -> None:
    timer = threading.Timer(0.2, _thread.interrupt_main)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), open_read_only(ddb) as db:
        timer.start()
        db.execute(f"{ENDLESS} SELECT count(*) FROM n").fetchall()
    assert time.monotonic() - began < 2


def test_a_cell_of_16_megabytes_costs_itself_alone(ddb: Path) -> None:
    change(ddb, "UPDATE DataTable SET Species = replace(hex(zeroblob(8000000)), '0', 'x') WHERE File = 'b.jpg'")
    assert species(ddb) == ["fox", "x" * 1000, ""]
    change(ddb, "UPDATE DataTable SET Species = char(0) || Species WHERE File = 'b.jpg'")
    assert species(ddb)[1] == ""  # SQLite's texts end there


def test_records_without_an_id_are_read_too(ddb: Path) -> None:
    with closing(sqlite3.connect(ddb)) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(DataTable)")]
    change(ddb, f"CREATE TABLE t ({', '.join(columns)})", "INSERT INTO t SELECT * FROM DataTable")
    change(ddb, "UPDATE t SET Id = NULL WHERE File = 'b.jpg'", "UPDATE t SET Id = 1")
    change(ddb, "DROP TABLE DataTable", "ALTER TABLE t RENAME TO DataTable")
    assert [(record.id, record.cells["Species"]) for record in read_records(ddb, ["Species"])] == [
        (1, "fox"),
        (2, "deer"),
        (3, ""),
    ]


@pytest.mark.parametrize("text", ['"' + '\\"' * 300_000, '{"a":' * 50_000, "[" * 100_000, '"' * 99_999, "9" * 99_999])
def test_a_list_of_choices_that_is_none(text: str) -> None:
    began = time.monotonic()
    assert parse_choices(text) == ()
    assert time.monotonic() - began < 2
