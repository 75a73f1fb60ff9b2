from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alframe.errors import FormatError
from alframe.formats.timelapse import data as module
from alframe.formats.timelapse.data import Record, find_images_with_empty_cell, read_records, to_forward_slashes
from alframe.formats.timelapse.folders import (
    files_directly_in,
    find_files_below,
    is_path_too_long,
    is_timelapse_or_system_name,
)
from alframe.formats.timelapse.prepared import OpeningView, find_version_problem, write_data_file
from alframe.formats.timelapse.schema import STANDARD_FIELDS, Field
from alframe.formats.timelapse.sqlite import check_integrity, sqlite_uri
from alframe.formats.timelapse.template import all_lists_offer_empty, parse_choices, read_template, write_template
from alframe.formats.timelapse.view import format_quick_paste, format_search_terms, format_sort_terms
from tests.timelapse import opening
from tests.timelapse.simulator import Timelapse as Program

FIELDS = (
    Field("FixedChoice", "Species", choices=("fox", "deer"), copyable=True),
    Field("Flag", "Selected", default="false"),
    Field("Counter", "Count"),
    Field("DecimalPositive", "ALConfidence"),
    Field("MultiChoice", "Signs", choices=("a", "b")),
    Field("DateTime_", "Seen", default="2024-01-01 12:00:00"),
)


def row(path: str, **cells: str) -> dict[str, str]:
    folder, _, file = path.rpartition("/")
    return {"File": file, "RelativePath": folder.replace("/", "\\"), "DateTime": "2024-05-01 10:00:00", **cells}


@pytest.fixture
def ddb(tmp_path: Path) -> Path:
    rows = [row("a/b/1.jpg", Species="fox"), row("a/2.jpg"), row("3.jpg", Species=" "), row("a/2.jpg", Species="deer")]
    write_data_file(tmp_path / "T.ddb", FIELDS, rows, OpeningView())
    write_template(tmp_path / "T.tdb", FIELDS)
    return tmp_path / "T.ddb"


# Reading


def test_records_in_order_with_forward_slashes(ddb: Path) -> None:
    assert list(read_records(ddb, ["Species"])) == [
        Record(1, "a/b", "1.jpg", {"Species": "fox"}),
        Record(2, "a", "2.jpg", {"Species": ""}),
        Record(3, "", "3.jpg", {"Species": " "}),
        Record(4, "a", "2.jpg", {"Species": "deer"}),
    ]
    assert [record.image_path for record in read_records(ddb, [])] == ["a/b/1.jpg", "a/2.jpg", "3.jpg", "a/2.jpg"]
    assert [record.id for record in read_records(ddb, [], filled_column="Species")] == [1, 4]


@pytest.mark.parametrize("page", [1, 2, 3, 4, 5])
def test_pages(ddb: Path, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_RECORDS", page)
    assert [record.id for record in read_records(ddb, [])] == [1, 2, 3, 4]
    assert [record.id for record in read_records(ddb, [], filled_column="Species")] == [1, 4]


def test_a_reader_that_stops_halfway_holds_no_lock(ddb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_RECORDS", 1)
    records = read_records(ddb, ["Species"])
    next(records)
    program = Program.open(ddb, wait=0.05)
    program.set(4, "Species", "fox")
    assert [record.cells["Species"] for record in records][-1] == "fox"


def test_records_without_an_answer(ddb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [("a/b", "1.jpg"), ("a", "2.jpg"), ("", "3.jpg"), ("", "4.jpg"), ("a", "1.jpg")]
    for batch in (1, 2, 400):
        monkeypatch.setattr(module, "QUERY_IMAGES", batch)
        assert find_images_with_empty_cell(ddb, "Species", images) == {"a/2.jpg", "3.jpg"}


@pytest.mark.slow
def test_few_of_many_records_are_found_by_the_index(tmp_path: Path) -> None:
    rows = (row(f"a/{n}.jpg") for n in range(100_000))
    write_data_file(tmp_path / "T.ddb", FIELDS, rows, OpeningView())
    start = time.process_time()
    assert (
        len(find_images_with_empty_cell(tmp_path / "T.ddb", "Species", [("a", f"{n * 100}.jpg") for n in range(1000)]))
        == 1000
    )
    assert time.process_time() - start < 0.2


def test_a_column_that_is_not_there(ddb: Path) -> None:
    with pytest.raises(FormatError, match=r"no field with the Data Label 'Animal'. It has: .*Species"):
        list(read_records(ddb, ["Animal"]))
    with pytest.raises(FormatError, match="'Animal'"):
        list(read_records(ddb, [], filled_column="Animal"))
    with pytest.raises(FormatError, match="not a Timelapse data file"):
        list(read_records(ddb.with_suffix(".tdb"), []))


def test_real_files(samples: Path) -> None:
    ddb = samples / "timelapse" / "TimelapseData.ddb"
    found = list(read_records(ddb, ["img_species", "DateTime"], filled_column="img_species"))
    assert [record.id for record in found] == [1, 2, 43, 100]
    assert found[2].image_path == "Station1/Deployment1b/IMG_001.jpg"
    assert found[3].cells == {"img_species": "jaguar", "DateTime": "2024-11-27 19:58:34"}
    check_integrity(ddb)
    assert find_version_problem(ddb) == ""
    assert find_version_problem(samples / "timelapse" / "CamtrapDPTemplate.tdb") == ""


def test_old_data_files_say_so(ddb: Path) -> None:
    db = sqlite3.connect(ddb)
    db.execute("ALTER TABLE DataTable ADD COLUMN UtcOffset TEXT")
    db.close()
    with pytest.raises(FormatError, match=r"T\.ddb: Timelapse before 2\.3 made it"):
        list(read_records(ddb, []))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data())
def test_no_damage_ends_in_a_traceback(ddb: Path, data: st.DataObject) -> None:
    """Bytes changed anywhere, pieces cut out, the end missing."""
    good = ddb.read_bytes()
    content = bytearray(good)
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(content) - 1) | st.integers(0, 120))
        content[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    del content[data.draw(st.integers(1, len(content)) | st.just(len(content))) :]
    damaged = ddb.with_name("damaged.ddb")
    damaged.write_bytes(content)
    with suppress(FormatError):
        check_integrity(damaged)
    with suppress(FormatError):
        read_template(damaged)
    with suppress(FormatError):
        assert all(
            isinstance(record.image_path, str) for record in read_records(damaged, ["Species"], filled_column="Species")
        )
    with suppress(FormatError):
        find_images_with_empty_cell(damaged, "Species", [("a", "2.jpg")])
    with suppress(FormatError):
        find_version_problem(damaged)


CELLS = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text() | st.binary()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=5), lists=CELLS, version=CELLS)
def test_no_value_is_too_odd(ddb: Path, rows: list[tuple[object, ...]], lists: object, version: object) -> None:
    odd = ddb.with_name("odd.ddb")
    odd.write_bytes(ddb.read_bytes())
    db = sqlite3.connect(odd)
    with db:
        db.execute("DELETE FROM DataTable")
        db.executemany("INSERT INTO DataTable (File, RelativePath, Species) VALUES (?, ?, ?)", rows)
        db.execute("UPDATE TemplateTable SET List = ?, Tooltip = ?, TXTBOXWIDTH = ?", (lists, version, version))
        db.execute("UPDATE ImageSetTable SET VersionCompatabily = ?", (version,))
    db.close()
    found = list(read_records(odd, ["Species"]))
    assert len(found) == len(rows)
    assert all(isinstance(cell, str) for record in found for cell in (record.image_path, *record.cells.values()))
    assert len(list(read_records(odd, ["Species"], filled_column="Species"))) <= len(rows)
    assert len(read_template(odd).fields) == 10
    assert isinstance(find_version_problem(odd), str)


def test_names_of_files_for_sqlite() -> None:
    assert sqlite_uri(PurePosixPath("/a b/ü#1?.ddb")) == "file:///a%20b/%C3%BC%231%3F.ddb?mode=ro"
    assert sqlite_uri(PureWindowsPath(r"C:\Daten\100%\T.ddb")) == "file:///C:/Daten/100%25/T.ddb?mode=ro"
    assert sqlite_uri(PureWindowsPath(r"\\server\share\T.ddb")) == "file:////server/share/T.ddb?mode=ro"


def test_relative_paths() -> None:
    assert [to_forward_slashes(path) for path in ("", "a\\b", "a/b/", "\u00a0old", "001\\2")] == [
        "",
        "a/b",
        "a/b",
        "\u00a0old",
        "001/2",
    ]


# Folders


def test_timelapses_own_folders_are_passed_over(tmp_path: Path) -> None:
    for name in ("T.ddb", "a/x.DDB", "Backups/T.ddb", "DeletedFiles/T.ddb", "a/.vthumb/T.ddb", "._T.ddb", "b/n.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [file.relative_to(tmp_path).as_posix() for file in find_files_below(tmp_path, ".ddb")] == [
        "T.ddb",
        "a/x.DDB",
    ]
    assert [file.name for file in files_directly_in(tmp_path, ".ddb")] == ["T.ddb"]
    assert files_directly_in(tmp_path / "nowhere", ".ddb") == []
    assert is_timelapse_or_system_name("backups")
    assert not is_timelapse_or_system_name("Backups 2")


def test_long_paths() -> None:
    assert not is_path_too_long(PureWindowsPath("C:/", "x" * 220) / "T.tdb")
    assert is_path_too_long(PureWindowsPath("C:/", "x" * 226) / "T.tdb"), "its backup would be"
    assert is_path_too_long(PureWindowsPath("C:/", "x" * 200) / ("y" * 50 + ".tdb")), "its journal would be"


# Prepared


def declared(file: Path) -> dict[str, str]:
    db = sqlite3.connect(file)
    found = {name: " ".join((sql or "").split()) for name, sql in db.execute("SELECT name, sql FROM sqlite_master")}
    db.close()
    return found


def test_a_prepared_file_is_what_timelapse_would_have_made(ddb: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_template(other / "T.tdb", FIELDS)
    Program.open(other / "T.tdb").close()
    assert declared(ddb) == declared(other / "T.ddb")
    program = Program.open(ddb)
    assert (program.created, program.rebuilt, program.dialogs) == (False, False, [])
    assert [one["ALConfidence"] for one in program.records()] == [""] * 4


def test_the_tables_are_those_of_a_real_file(samples: Path, ddb: Path) -> None:
    def plain(sql: str) -> str:
        return sql.replace(" ,", ",")

    ours, theirs = declared(ddb), declared(samples / "timelapse" / "TimelapseData.ddb")
    for name in ("TemplateTable", "FolderDataTemplateTable", "FolderDataInfo", "ImageSetTable", "IndexFile"):
        assert plain(ours[name]) == plain(theirs[name])


@pytest.mark.parametrize("selected", [True, False])
def test_the_selection_is_honoured_by_all_its_rules(tmp_path: Path, selected: bool) -> None:
    view = OpeningView(
        format_search_terms((*STANDARD_FIELDS, *FIELDS), "Selected"), format_sort_terms(FIELDS[3], FIELDS[0])
    )
    rows = [row(f"{n}.jpg", Selected=str(selected).lower(), ALConfidence=f"0.{9 - n}") for n in range(3)]
    write_data_file(tmp_path / "T.ddb", FIELDS, rows, view)
    write_template(tmp_path / "T.tdb", FIELDS)
    program = Program.open(tmp_path / "T.ddb")
    assert program.custom is selected
    assert program.dialogs == ([] if selected else ["no files match the selection: all are shown"])
    assert [one["File"] for one in program.shown] == ["2.jpg", "1.jpg", "0.jpg"]


def test_a_selection_in_real_templates(samples: Path) -> None:
    """Every field of theirs is in it, whatever its type and list; but some have a list without an empty choice."""
    from tests.timelapse.database import connected
    from tests.timelapse.selection import restored
    from tests.timelapse.template import read_controls

    for file, flag in [("TimelapseData.ddb", "img_publicity"), ("AlbertaMetadataStandardsTemplate.tdb", "DeleteFlag")]:
        path = samples / "timelapse" / file
        with connected(path) as db:
            controls = read_controls(db)
        honoured = (
            restored(format_search_terms(read_template(path).fields, flag), controls, detections=False) is not None
        )
        assert honoured is all_lists_offer_empty(path) is (file == "TimelapseData.ddb")
        assert not restored(format_search_terms(read_template(path).fields[:-1], flag), controls, detections=False)


def test_keys(tmp_path: Path) -> None:
    view = OpeningView(quick_paste=format_quick_paste(FIELDS[0], ["deer", "fox"]))
    write_data_file(tmp_path / "T.ddb", FIELDS, [row("1.jpg")], view)
    write_template(tmp_path / "T.tdb", FIELDS)
    program = Program.open(tmp_path / "T.ddb")
    program.quickpaste(2, 1)
    assert [record.cells["Species"] for record in read_records(tmp_path / "T.ddb", ["Species"])] == ["fox"]
    assert len(parse_choices('{"ChoiceListNonEmpty":["a"]}')) == 1


@pytest.mark.parametrize(
    ("version", "words"),
    [("2.5.0.6", ""), ("2.3.3.0", ""), ("2.6.0.0", "newer than 2.5"), ("3.0", "newer"), ("", "does not name")],
)
def test_versions_we_know(ddb: Path, version: str, words: str) -> None:
    db = sqlite3.connect(ddb)
    with db:
        db.execute("UPDATE ImageSetTable SET VersionCompatabily = ?", (version,))
    db.close()
    said = find_version_problem(ddb)
    assert words in said
    assert bool(said) is bool(words)


def test_tables_we_do_not_know(ddb: Path) -> None:
    db = sqlite3.connect(ddb)
    db.execute("ALTER TABLE ImageSetTable ADD COLUMN Novelty TEXT")
    db.close()
    assert "other tables" in find_version_problem(ddb)
    assert opening.VERSION.startswith("2.5")
