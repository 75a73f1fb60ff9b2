"""The simulated export and import follow the documented rules, quirks included."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.timelapse.conftest import picture, template
from tests.timelapse.csv_io import Imported, Preferences, _quoted, export, import_into, parse
from tests.timelapse.database import connected
from tests.timelapse.simulator import Timelapse, snapshot
from tests.timelapse.template import levels, read_controls

TDB = "TimelapseTemplate.tdb"
HARMLESS = "The Date/Time was not updated for {0} / {0} files."


@pytest.mark.parametrize(
    ("name", "preferences"),
    [
        ("export-default-options.csv", Preferences()),
        ("export-date-and-time-columns.csv", Preferences(datetime="columns")),
        ("export-T-separator-no-space-no-rootfolder.csv", Preferences("T", space_before=False, root_folder=False)),
    ],
)
def test_exports_are_those_of_the_samples_byte_by_byte(
    samples: Path, tmp_path: Path, name: str, preferences: Preferences
) -> None:
    with connected(samples_copy(samples, tmp_path)) as data:
        names = [row[1] for row in data.execute("PRAGMA table_info (DataTable)")]
        rows = [dict(zip(names, row, strict=True)) for row in data.execute("SELECT * FROM DataTable ORDER BY Id")]
        file = tmp_path / name
        export(file, rows, read_controls(data), levels(data), "Practice image set", preferences)
    assert file.read_bytes() == (samples / "constructed" / name).read_bytes()


def samples_copy(samples: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(samples / "timelapse" / "TimelapseData.ddb", tmp_path))


def test_the_current_selection_is_exported_in_its_order(images: Path) -> None:
    timelapse = Timelapse.open(images / TDB)
    timelapse.set(1, "Comments", 'said "hm", and went')
    timelapse.set(4, "Selected", "true")
    timelapse.set(2, "Selected", "true")
    header, first, *_ = timelapse.export_csv().read_bytes().decode().split("\r\n")
    assert header == "RootFolder,File,RelativePath,DateTime,Species,Selected,Count,Comments"
    assert first == 'images,IMG_1.JPG,A, 2024-05-01 10:00:00,,false,,"said ""hm"", and went"'
    timelapse.select(Selected="true")
    lines = timelapse.export_csv(images / "part.csv", root_folder=False).read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["File", "IMG_2.JPG", "IMG_3.jpg"]


def test_the_row_of_an_image_in_too_few_folders_is_too_short(tmp_path: Path) -> None:
    editor = template(tmp_path)
    for alias in ("Project", "", "Deployment"):
        editor.level(alias)
    for name in ("root.jpg", "S1/one.jpg", "S1/D1/two.jpg", "S1/D1/x/three.jpg"):
        picture(tmp_path / name)
    timelapse = Timelapse.open(tmp_path / TDB)
    rows = list(parse(timelapse.export_csv(root_folder=False).read_text()))
    assert rows[0][:4] == ["Project", "Level-2", "Deployment", "File"]
    assert [row[:4] for row in rows[1:]] == [
        ["", "root.jpg", "", "2024-05-01 10:00:00"],
        ["", "S1", "one.jpg", "S1"],
        ["", "S1", "S1\\D1", "two.jpg"],
        ["", "S1", "S1\\D1", "three.jpg"],
    ]
    assert [len(row) - len(rows[0]) for row in rows[1:]] == [-2, -1, 0, 0]


@given(
    st.lists(
        st.lists(
            # What the parser cannot give back: blanks at the ends of what was not in quotes.
            st.text(st.characters(codec="utf-8", exclude_characters="\0")).filter(
                lambda cell: cell == cell.strip() or any(character in cell for character in '",\r\n')
            ),
            min_size=2,
        ),
        min_size=1,
    )
)
def test_what_is_written_is_read_again(rows: list[list[str]]) -> None:
    text = "".join(",".join(map(_quoted, row)) + "\r\n" for row in rows)
    assert list(parse(text)) == rows


def test_quoting_lines_and_blanks() -> None:
    assert list(parse('\n\na, b ,c\r\n\r\n 1 ,"2,\r\n""x""" ,\n4,5,6')) == [
        ["a", "b", "c"],
        ["1", '2,\r\n"x"', ""],
        ["4", "5", "6"],
    ]
    assert list(parse('a,"b\nc,"d"e,f')) == [["a", '"b'], ["c", '"d"e', "f"]], "bad quoting is tolerated"


@pytest.fixture
def timelapse(images: Path) -> Timelapse:
    return Timelapse.open(images / TDB)


Import = Callable[..., Imported]


@pytest.fixture
def imported(timelapse: Timelapse) -> Import:
    """Write a CSV under the name that is proposed and import it."""

    def write(*lines: str, encoding: str = "utf-8") -> Imported:
        timelapse.ddb.with_suffix(".csv").write_bytes("\r\n".join([*lines, ""]).encode(encoding))
        return timelapse.import_csv()

    return write


def test_a_file_without_fault_is_taken_without_a_word(timelapse: Timelapse, imported: Import) -> None:
    result = imported(
        "File,RelativePath,DateTime,Selected,Count",
        "IMG_2.JPG,A,2024-05-01 10:00:01,true,2",
        "IMG_3.jpg,B/C,2024-05-01T10:00:03,false,",
    )
    assert (result.imported, result.problems, result.updated) == (True, [], 2)
    assert [(row["Selected"], row["Count"]) for row in timelapse.records()] == [
        ("false", ""),
        ("true", "2"),
        ("false", ""),
        ("false", ""),
    ]
    assert list((timelapse.root / "Backups").iterdir()), "the copy is made all the same"


def test_the_sample_for_import_is_taken_without_a_word(samples: Path, tmp_path: Path) -> None:
    ddb = samples_copy(samples, tmp_path)
    with connected(ddb) as data:
        controls, names = read_controls(data), levels(data)
    before = snapshot(ddb)
    result = import_into(ddb, samples / "constructed" / "import-selection.csv", controls, names)
    assert (result.imported, result.problems, result.updated) == (True, [], 2)
    changed = [
        (old[0], was, now)
        for old, new in zip(before, snapshot(ddb), strict=True)
        for was, now in zip(old, new, strict=True)
        if was != now
    ]
    assert changed == [(1, "false", "true"), (2, "true", "false")]
    for name in ("default-options", "date-and-time-columns", "T-separator-no-space-no-rootfolder"):
        before = snapshot(ddb)
        result = import_into(ddb, samples / "constructed" / f"export-{name}.csv", controls, names)
        assert result.imported and result.problems == [], "an export can be imported again"
        assert [row[:4] for row in snapshot(ddb)] == [row[:4] for row in before]


@pytest.mark.parametrize(
    ("header", "row", "says"),
    [
        ("File,Selected", "IMG_2.JPG,true", "the column RelativePath is missing"),
        ("RelativePath,Selected", "A,true", "the column File is missing"),
        ("file,RelativePath,Selected", "IMG_2.JPG,A,true", "the heading file matches no DataLabel"),
        ("File,RelativePath,Selected,index", "IMG_2.JPG,A,true,1", "the heading index matches no DataLabel"),
        ("File,RelativePath,Selected", "IMG_2.JPG,A,", "Selected must be true or false"),
        ("File,RelativePath,Selected", "IMG_2.JPG,A,1", "Selected must be true or false"),
        ("File,RelativePath,DeleteFlag", "IMG_2.JPG,A,yes", "DeleteFlag must be true or false"),
        ("File,RelativePath,Count", "IMG_2.JPG,A,1.5", "Count must be blank or an integer"),
        ("File,RelativePath,Species", "IMG_2.JPG,A,Fox", "Species must be in the template's choice list"),
        ("File,RelativePath,Species", "nowhere.jpg,A,wolf", "Species must be in the template's choice list"),
        ("File,RelativePath,Species", "IMG_2.JPG,A", "already open in another program"),
        ("File,RelativePath,Species", "", "no data rows"),
    ],
)
def test_what_aborts_an_import_changes_nothing(
    timelapse: Timelapse, imported: Import, header: str, row: str, says: str
) -> None:
    before = snapshot(timelapse.ddb)
    result = imported(header, row)
    assert not result.imported
    assert any(says in problem for problem in result.problems), result.problems
    assert ("successfully" in result.dialog) == ("heading" in says or "column" in says), "the misleading dialog"
    assert snapshot(timelapse.ddb) == before


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("IntegerAny", ["", "-3", "+4"], ["x", "1.0"]),
        ("IntegerPositive", ["", "0", "12"], ["-1", "1e3"]),
        ("DecimalAny", ["", "-1.5", "1e-3"], ['"1,5"', "x"]),
        ("DecimalPositive", ["", "0.41", "3"], ["-0.1", '"0,4"']),
        ("AlphaNumeric", ["", "a-B_9"], ["a b", "é"]),
        ("MultiChoice", ["", "red", '"red,big"'], ['"red, big"', "small"]),
        ("DateTime_", ["2024-05-01 10:00:00", "2024-05-01T10:00:00", "01-May-2024 10:00:00"], ["", "2024-05-01"]),
        ("Date_", ["2024-05-01", "01-May-2024"], ["", "1-May-2024", "01/05/2024"]),
        ("Time_", ["10:00:00"], ["", "1:00:00", "10:00"]),
        ("Note", ["", "anything"], []),
        ("Flag", ["true", "FALSE"], ["", "0"]),
    ],
)
def test_each_type_of_cell(tmp_path: Path, kind: str, good: list[str], bad: list[str]) -> None:
    default = {"DateTime_": "2024-01-01 12:00:00", "Date_": "2024-01-01", "Time_": "12:00:00"}.get(kind)
    picture(tmp_path / "A" / "x.jpg")
    template(tmp_path).add(kind, "Own", ["red", "big"], default=default)
    timelapse = Timelapse.open(tmp_path / TDB)
    for value, taken in [*((one, True) for one in good), *((one, False) for one in bad)]:
        file = tmp_path / "own.csv"
        file.write_text(f"File,RelativePath,Own\nx.jpg,A,{value}\n")
        assert timelapse.import_csv(file).imported is taken, value


def test_times_are_overwritten_or_left(timelapse: Timelapse, imported: Import) -> None:
    def times() -> list[str]:
        return [row["DateTime"] for row in timelapse.records()][:2]

    result = imported("File,RelativePath,Selected", "IMG_1.JPG,A,true", "IMG_2.JPG,A,true")
    assert result.imported and result.problems == [HARMLESS.format(2)]
    result = imported("File,RelativePath,DateTime,Selected", "IMG_1.JPG,A,1.5.2024,false", "IMG_2.JPG,A,,true")
    assert result.imported and result.problems == [HARMLESS.format(2)]
    assert timelapse.records()[0]["Selected"] == "false", "other columns are still imported"
    assert times() == ["2024-05-01 10:00:00", "2024-05-01 10:00:01"]
    result = imported("File,RelativePath,Date,Time", "IMG_1.JPG,A,3-Jan-2020,1:02:03", "IMG_2.JPG,A,03-Jan-2020,")
    assert result.problems == []
    assert times() == ["2020-01-03 01:02:03", "0001-01-01 00:00:00"]
    imported("File,RelativePath,DateTime", "IMG_2.JPG,A,1999-01-01 00:00:00")
    assert times()[1] == "1999-01-01 00:00:00", "a wrong time is silently taken"


def test_a_blank_folder_updates_every_image_of_that_name(timelapse: Timelapse, imported: Import) -> None:
    result = imported("File,RelativePath,Species", "IMG_1.JPG,,fox")
    assert result.updated == 2
    assert [row["Species"] for row in timelapse.records()] == ["fox", "", "fox", ""]


def test_names_match_byte_by_byte(timelapse: Timelapse, imported: Import) -> None:
    assert imported("File,RelativePath,Species", "img_1.jpg,A,fox", "IMG_1.JPG,a,fox").updated == 0


def test_duplicates_are_paired_in_order(timelapse: Timelapse, imported: Import) -> None:
    timelapse.duplicate(1)
    timelapse.duplicate(1)
    head = "File,RelativePath,DateTime,Species,DeleteFlag"
    row = "IMG_1.JPG,A,2024-05-01 10:00:00,{},true"
    last = "IMG_3.jpg,B\\C,2024-05-01 10:00:03,,false"

    def species() -> list[str]:
        return [
            row["Species"] for row in timelapse.records() if (row["RelativePath"], row["File"]) == ("A", "IMG_1.JPG")
        ]

    result = imported(head, row.format("fox"), last, row.format("boar"), row.format("deer"))
    assert result.problems == []
    assert species() == ["fox", "boar", "deer"]
    assert {row["DeleteFlag"] for row in timelapse.records()} == {"false"}, "not written for duplicates"
    result = imported(head, row.format("boar"), row.format("fox"), last)
    assert result.problems == ["duplicate entry mismatch for A\\IMG_1.JPG: 3 database vs. 2 CSV"]
    assert species() == ["boar", "fox", "deer"]
    assert imported(head, row.format("deer"), last).updated == 2
    assert species() == ["deer", "fox", "deer"], "one row changes the first record only"
    assert imported(head, row.format("boar")).updated == 3
    assert species() == ["boar"] * 3, "but as the last row it changes all"
    imported(head, "IMG_1.JPG,A,,fox,false", last)
    assert timelapse.records()[0]["DateTime"] == "", "a blank time corrupts a duplicate"


def test_a_repeated_heading_shifts_what_follows(timelapse: Timelapse, imported: Import) -> None:
    result = imported("File,RelativePath,Comments,Comments,Species", "IMG_2.JPG,A,one,fox,boar")
    assert result.imported
    row = timelapse.records()[1]
    assert (row["Comments"], row["Species"]) == ("one", "fox")


def test_levels_old_columns_and_a_byte_order_mark(tmp_path: Path) -> None:
    picture(tmp_path / "A" / "x.jpg")
    template(tmp_path).level("Station")
    timelapse = Timelapse.open(tmp_path / TDB)
    timelapse.ddb.with_suffix(".csv").write_text(
        "Station,RootFolder,Folder,ImageQuality,File,RelativePath,Species\n,r,f,Ok,x.jpg,A,fox\n", "utf-8-sig"
    )
    assert timelapse.import_csv().imported
    assert timelapse.records()[0]["Species"] == "fox"


def test_flags_are_stored_as_they_are_spelt_and_the_selection_is_run_again(
    timelapse: Timelapse, imported: Import
) -> None:
    timelapse.set(1, "Selected", "true")
    timelapse.select(Selected="true")
    imported("File,RelativePath,Selected", "IMG_1.JPG,A,false", "IMG_3.jpg,B\\C,True")
    assert [(row["Id"], row["Selected"]) for row in timelapse.shown] == [(4, "True")]


def test_a_file_that_is_missing_or_locked(timelapse: Timelapse) -> None:
    assert not timelapse.import_csv(timelapse.root / "nowhere.csv").imported
    assert list((timelapse.root / "Backups").iterdir()), "the copy is made all the same"
