"""The simulated Timelapse does what is documented: opening, loading, labelling, selecting, crashing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.timelapse import template as templates
from tests.timelapse.conftest import picture, template
from tests.timelapse.database import Chooser, Refused, columns, connected, tables
from tests.timelapse.simulator import Timelapse, snapshot
from tests.timelapse.template import TemplateEditor

TDB = "TimelapseTemplate.tdb"


def declarations(file: Path) -> dict[str, str]:
    """What was created in a file, without the spelling of white space."""
    with connected(file) as data:
        rows = data.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: " ".join(sql.split()).replace(" ,", ",") for name, sql in rows}


def execute(file: Path, sql: str) -> None:
    with connected(file) as data:
        data.execute(sql)


def test_a_double_click_makes_the_data_file_and_loads_every_image(images: Path) -> None:
    timelapse = Timelapse.open(images / TDB)
    assert timelapse.ddb == images / "TimelapseData.ddb"
    assert timelapse.created
    assert timelapse.dialogs == []
    assert (images / "Backups").is_dir()
    assert [(row["RelativePath"], row["File"], row["DateTime"]) for row in timelapse.records()] == [
        ("A", "IMG_1.JPG", "2024-05-01 10:00:00"),
        ("A", "IMG_2.JPG", "2024-05-01 10:00:01"),
        ("B\\C", "IMG_1.JPG", "2024-05-01 10:00:02"),
        ("B\\C", "IMG_3.jpg", "2024-05-01 10:00:03"),
    ]
    first = timelapse.records()[0]
    assert (first["Species"], first["Selected"], first["DeleteFlag"], first["Count"]) == ("", "false", "false", "")


def test_only_some_files_and_folders_are_loaded(tmp_path: Path) -> None:
    template(tmp_path)
    for name in ("x.jpeg", "x.png", "x.tif", "Backups/x.jpg", "DeletedFiles/x.jpg", ".vthumb/x.jpg", "@Recycle/x.jpg"):
        picture(tmp_path / name)
    picture(tmp_path / ".hidden" / "x.jpg")
    picture(tmp_path / "root.JPG")
    (tmp_path / "film.MP4").write_bytes(b"")
    assert [(row["RelativePath"], row["File"]) for row in Timelapse.open(tmp_path / TDB).records()] == [
        ("", "film.MP4"),
        ("", "root.JPG"),
    ]


def test_without_a_time_in_it_an_image_has_the_time_of_its_file(tmp_path: Path) -> None:
    template(tmp_path)
    for file in (picture(tmp_path / "a.jpg", taken=""), tmp_path / "b.jpg"):
        if not file.exists():
            file.write_bytes(b"no image")
        os.utime(file, (1_000_000_000, 1_000_000_000))
    times = {row["DateTime"][:10] for row in Timelapse.open(tmp_path / TDB).records()}
    assert times == {"2001-09-09"}


@pytest.mark.parametrize("name", ["AlbertaMetadataStandardsTemplate.tdb", "CamtrapDPTemplate.tdb"])
def test_shipped_templates_are_opened(samples: Path, tmp_path: Path, name: str) -> None:
    shutil.copy(samples / "timelapse" / name, tmp_path / name)
    picture(tmp_path / "S1" / "a.jpg")
    timelapse = Timelapse.open(tmp_path / name)
    assert timelapse.ddb.name == name.replace(".tdb", ".ddb")
    assert "BackwardsCompatibility" in declarations(tmp_path / name)["TemplateInfo"]
    assert timelapse.dialogs == ["folders and levels may not comply"]
    (row,) = timelapse.records()
    assert row["RelativePath"] == "S1"
    choices = [control.choices for control in timelapse.controls if control.type == "FixedChoice"]
    assert all(choices) and all(len(set(items)) == len(items) for items in choices)
    if name.startswith("Alberta"):
        assert max(map(len, choices)) == 957


def test_the_data_file_is_declared_as_the_real_ones(samples: Path, tmp_path: Path) -> None:
    shutil.copy(samples / "constructed" / "mini-template.tdb", tmp_path / "mini-data.tdb")
    picture(tmp_path / "a.jpg")
    made = declarations(Timelapse.open(tmp_path / "mini-data.tdb").ddb)
    wanted = declarations(samples / "constructed" / "mini-data.ddb")
    assert made == wanted
    real = declarations(samples / "timelapse" / "TimelapseData.ddb")
    for name in ("TemplateTable", "FolderDataTemplateTable", "FolderDataInfo", "ImageSetTable", "IndexRelativePath"):
        assert made[name] == real[name]


def test_a_real_data_file_is_opened_beside_its_template(samples: Path, tmp_path: Path) -> None:
    ddb = tmp_path / "TimelapseData.ddb"
    shutil.copy(samples / "timelapse" / "TimelapseData.ddb", ddb)
    with connected(ddb) as data, connected(tmp_path / TDB) as tdb:
        for table in ("TemplateTable", "FolderDataTemplateTable", "FolderDataInfo"):
            tdb.execute(data.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0])
            rows = data.execute(f"SELECT * FROM {table}").fetchall()
            tdb.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns(tdb, table)))})", rows)
        tdb.execute(templates.INFO_TABLE)
        tdb.execute("INSERT INTO TemplateInfo VALUES ('2.3.3.0', '2.3.3.0', '')")
    before = snapshot(ddb)
    timelapse = Timelapse.open(ddb)
    assert not timelapse.created and not timelapse.dialogs
    assert snapshot(ddb) == before
    assert [row["Id"] for row in timelapse.records()] == [1, 2, 43, 100]
    assert timelapse.levels == ["Project", "Station", "Deployment"]
    with pytest.raises(Refused, match="choice list"):
        timelapse.set(43, "img_species", "unicorn")
    timelapse.set(43, "img_species", "bear")
    assert snapshot(ddb)[2][4] == "bear"


BROKEN = {
    "no row of type File": "DELETE FROM TemplateTable WHERE Type = 'File'",
    "before version 2.3: use": "DROP TABLE TemplateInfo",
    "no row, or one with NULL": "UPDATE TemplateInfo SET Standard = NULL",
    "TemplateInfo has no row": "DELETE FROM TemplateInfo",
    "UtcOffset": "INSERT INTO TemplateTable (Type, DataLabel, Label) VALUES ('UtcOffset', 'UtcOffset', 'UtcOffset')",
    "unknown type Foo": "UPDATE TemplateTable SET Type = 'Foo' WHERE Type = 'Note'",
    "not exactly one field DateTime": "DELETE FROM TemplateTable WHERE Type = 'DateTime'",
    "'Order' cannot be": "UPDATE TemplateTable SET DataLabel = 'Order' WHERE Type = 'Note'",
    "'Time' cannot be": "UPDATE TemplateTable SET DataLabel = 'Time' WHERE Type = 'Note'",
    "'1st' cannot be": "UPDATE TemplateTable SET DataLabel = '1st' WHERE Type = 'Note'",
    "a name occurs twice": "UPDATE TemplateTable SET Label = 'Species' WHERE Type = 'Note'",
}


@pytest.mark.parametrize("message", BROKEN)
def test_a_template_that_timelapse_refuses(images: Path, message: str) -> None:
    execute(images / TDB, BROKEN[message])
    with pytest.raises(Refused, match=message):
        Timelapse.open(images / TDB)
    assert not (images / "TimelapseData.ddb").exists()


def test_what_is_no_database_or_corrupt_or_elsewhere_is_refused(images: Path) -> None:
    shutil.copy(images / TDB, images / "Upper.TDB")
    with pytest.raises(Refused, match="lower case"):
        Timelapse.open(images / "Upper.TDB")
    hidden = images / ".hidden"
    hidden.mkdir()
    shutil.copy(images / TDB, hidden / TDB)
    with pytest.raises(Refused, match="is hidden"):
        Timelapse.open(hidden / TDB)
    deep = images / ("x" * 120) / ("y" * 120)
    deep.mkdir(parents=True)
    shutil.copy(images / TDB, deep / TDB)
    with pytest.raises(Refused, match="too long"):
        Timelapse.open(deep / TDB)
    (images / TDB).write_bytes(b"this is no database" * 100)
    with pytest.raises(Refused, match="not a database"):
        Timelapse.open(images / TDB)


def test_several_data_files_or_templates_ask_which(images: Path) -> None:
    Timelapse.open(images / TDB).close()
    shutil.copy(images / "TimelapseData.ddb", images / "Copy.ddb")
    with pytest.raises(Chooser):
        Timelapse.open(images / TDB)
    (images / "TimelapseData.ddb").unlink()
    assert Timelapse.open(images / TDB).ddb.name == "Copy.ddb", "the only one, whatever its name"
    shutil.copy(images / TDB, images / "Other.tdb")
    with pytest.raises(Chooser):
        Timelapse.open(images / "Copy.ddb")


def test_opening_writes_to_the_template(images: Path) -> None:
    execute(images / TDB, "ALTER TABLE TemplateTable DROP COLUMN ExportToCSV")
    execute(images / TDB, "ALTER TABLE TemplateInfo DROP COLUMN Standard")
    execute(images / TDB, "DROP TABLE FolderDataInfo")
    execute(images / TDB, "UPDATE TemplateInfo SET VersionCompatabily = '2.3.3.0'")
    Timelapse.open(images / TDB)
    with connected(images / TDB) as data:
        assert {"ExportToCSV"} <= set(columns(data, "TemplateTable"))
        assert "FolderDataInfo" in tables(data)
        assert data.execute("SELECT VersionCompatabily, Standard FROM TemplateInfo").fetchone() == ("2.5.0.6", "")
    execute(images / TDB, "UPDATE TemplateInfo SET VersionCompatabily = '3.0.0.0'")
    assert Timelapse.open(images / TDB).dialogs == ["made with a newer version"]


def test_every_edit_is_in_the_file_at_once(images: Path) -> None:
    timelapse = Timelapse.open(images / TDB)
    timelapse.label("A/IMG_2.JPG", "fox")
    timelapse.set(4, "Count", "3")
    timelapse.set(4, "Selected", "true")
    rows = {row[0]: row for row in snapshot(timelapse.ddb)}
    assert "fox" in rows[2] and "3" in rows[4] and "true" in rows[4]
    assert [file.suffix for file in (images / "Backups").iterdir()] == [".ddb"], "one copy, not one an edit"
    for name, value in {"Species": "Fox", "Selected": "yes", "Count": "x", "File": "y.jpg", "Comments": "a\nb"}.items():
        with pytest.raises(Refused, match=name):
            timelapse.set(1, name, value)
    with pytest.raises(Refused, match="no field"):
        timelapse.set(1, "Foo", "x")


def test_duplicates_deletion_and_the_values_of_the_image_before(images: Path) -> None:
    timelapse = Timelapse.open(images / TDB)
    timelapse.label("A/IMG_1.JPG", "fox")
    timelapse.set(1, "Comments", "by the river")
    same = timelapse.duplicate(1)
    blank = timelapse.duplicate(1, values=False)
    by_id = {row["Id"]: row for row in timelapse.records()}
    assert (by_id[same]["Species"], by_id[blank]["Species"]) == ("fox", "")
    assert timelapse.find("A/IMG_1.JPG") == [1, same, blank]
    timelapse.delete(same)
    assert (images / "A" / "IMG_1.JPG").exists(), "other records show it"
    timelapse.delete(3)
    assert (images / "DeletedFiles" / "B" / "C" / "IMG_1.JPG").exists()
    timelapse.copy_previous(2)
    row = {row["Id"]: row for row in timelapse.records()}[2]
    assert (row["Species"], row["Comments"]) == ("", ""), "the record before it is the blank duplicate"
    timelapse.set(blank, "Species", "boar")
    timelapse.set(blank, "Comments", "two of them")
    timelapse.copy_previous(2)
    row = {row["Id"]: row for row in timelapse.records()}[2]
    assert (row["Species"], row["Comments"]) == ("boar", ""), "a Note is not copied here"


def test_the_selection_lives_on_in_the_file(images: Path) -> None:
    timelapse = Timelapse.open(images / TDB)
    timelapse.set(2, "Selected", "true")
    timelapse.set(4, "Selected", "true")
    assert [row["Id"] for row in timelapse.select(Selected="TRUE")] == [2, 4]
    timelapse.set(2, "Count", "3")
    assert [row["Id"] for row in timelapse.select(Count=(">", "2"), Selected="true")] == [2]
    assert len(timelapse.select()) == 4
    timelapse.select(Selected="true")
    timelapse.close()
    again = Timelapse.open(images / TDB)
    assert again.custom
    assert [row["Id"] for row in again.shown] == [2, 4]
    again.select(Species="deer")
    assert "no files match" in again.dialogs[-1]
    assert len(again.shown) == 4


def test_a_prepared_selection_is_honoured_by_the_rules(samples: Path, tmp_path: Path) -> None:
    def opened(change: str = "") -> Timelapse:
        shutil.copy(samples / "constructed" / "mini-data.ddb", tmp_path / "mini.ddb")
        shutil.copy(samples / "constructed" / "mini-template.tdb", tmp_path / "mini.tdb")
        if change:
            with connected(tmp_path / "mini.ddb") as data:
                said = json.loads(data.execute("SELECT SearchTerms FROM ImageSetTable").fetchone()[0])
                exec(change, {"said": said})
                data.execute("UPDATE ImageSetTable SET SearchTerms = ?", (json.dumps(said),))
        return Timelapse.open(tmp_path / "mini.ddb")

    timelapse = opened()
    assert timelapse.custom and timelapse.dialogs == []
    assert [row["File"] for row in timelapse.shown] == ["IMG_1.JPG"]
    assert [key.data_label for key in timelapse.sort] == ["ALRound", "ALConfidence"]
    assert [entry["Title"] for entry in timelapse.quickpastes] == ["blank", "red fox", "wild boar"]
    timelapse.quickpaste(2, 1)
    assert timelapse.records()[0]["Species"] == "red fox"
    with pytest.raises(Refused, match="no QuickPaste entry 4"):
        timelapse.quickpaste(4, 1)
    for change in (
        "del said['RecognitionSelections']",
        "said['SearchTerms'].pop(0)",
        "said['SearchTerms'][5]['List'].remove('blank')",
        "said['SearchTerms'][5]['DatabaseValue'] = 'wolf'",
        "said['SearchTerms'][3]['Operator'] = '≥'",
        "said['RecognitionSelections'].update(AllDetections=False, DetectionCategoryNumber='x')",
        "said['RecognitionSelections'].update(UseRecognition=True)",
        "said['SearchTerms'].append(dict(said['SearchTerms'][0], DataLabel='Other'))",
    ):
        assert not opened(change).custom, change
    said = "said['SearchTerms'][5]['List'] = []"
    assert opened(said).custom, "an empty list is not compared"
    shutil.copy(samples / "constructed" / "mini-data-with-recognitions.ddb", tmp_path / "mini.ddb")
    assert Timelapse.open(tmp_path / "mini.ddb").custom


def test_a_selection_is_dropped_when_the_list_was_changed(images: Path) -> None:
    timelapse = Timelapse.open(images / TDB)
    timelapse.set(2, "Selected", "true")
    timelapse.select(Selected="true")
    timelapse.close()
    TemplateEditor(images / TDB).add_choice("Species", "lynx")
    assert not Timelapse.open(images / TDB).custom


def test_closing_overwrites_what_others_wrote_meanwhile(images: Path) -> None:
    timelapse = Timelapse.open(images / TDB)
    execute(timelapse.ddb, "UPDATE ImageSetTable SET QuickPasteTerms = 'from outside', Log = 'from outside'")
    execute(timelapse.ddb, "UPDATE DataTable SET Comments = 'from outside' WHERE Id = 1")
    timelapse.set(1, "Species", "fox")
    timelapse.close()
    with connected(timelapse.ddb) as data:
        assert data.execute("SELECT QuickPasteTerms, Log FROM ImageSetTable").fetchone() == ("[]", "")
    row = timelapse.records()[0]
    assert (row["Comments"], row["Species"]) == ("from outside", "fox"), "single cells survive each other"


def test_a_changed_template(images: Path) -> None:
    Timelapse.open(images / TDB).label("A/IMG_1.JPG", "boar")
    editor = TemplateEditor(images / TDB)
    editor.rename_label("Species", "Kind")
    editor.remove_choice("Species", "boar")
    editor.add_choice("Species", " lynx ")
    editor.add("Note", "Weather", default="dry")
    editor.delete("Count")
    timelapse = Timelapse.open(images / TDB)
    assert timelapse.dialogs == ["template changed: Weather is new", "template changed: Count is gone"]
    assert timelapse.control("Species").choices == ("fox", "deer", "lynx")
    row = timelapse.records()[0]
    assert (row["Species"], row["Weather"]) == ("boar", "dry"), "what is in the cells stays"
    assert "Count" not in row
    with pytest.raises(Refused, match="choice list"):
        timelapse.set(2, "Species", "boar")


def test_a_number_with_a_default_rebuilds_the_table_at_every_opening(images: Path) -> None:
    TemplateEditor(images / TDB).add("IntegerPositive", "ALRound", default="0")
    timelapse = Timelapse.open(images / TDB)
    timelapse.label("A/IMG_1.JPG", "fox")
    assert not timelapse.rebuilt
    for _ in range(2):
        assert Timelapse.open(images / TDB).rebuilt
    assert timelapse.records()[0]["Species"] == "fox"
    assert "ALRound TEXT DEFAULT ''" in declarations(timelapse.ddb)["DataTable"]


def test_a_busy_file_and_what_crashes_leave_behind(images: Path) -> None:
    timelapse = Timelapse.open(images / TDB, wait=0.05)
    with timelapse.hold_lock(), pytest.raises(Refused, match="locked"):
        timelapse.set(1, "Species", "fox")
    with timelapse.hold_lock(exclusive=False):
        assert len(timelapse.records()) == 4
    timelapse.set(1, "Species", "fox")
    timelapse.leave_journal()
    with pytest.raises(sqlite3.OperationalError), sqlite3.connect(f"file:{timelapse.ddb}?mode=ro", uri=True) as reader:
        reader.execute("SELECT 1 FROM DataTable").fetchall()
    again = Timelapse.open(timelapse.ddb)
    assert {row["DeleteFlag"] for row in again.records()} == {"false"}, "rolled back"
    assert again.records()[0]["Species"] == "fox"
    again.leave_wal(2, "Species", "boar")
    assert again.journal_mode() == "wal"
    assert timelapse.ddb.with_name("TimelapseData.ddb-wal").stat().st_size
    copied = shutil.copy(timelapse.ddb, images / "copied.db")
    assert again.records()[1]["Species"] == "boar"
    assert all("boar" not in row for row in snapshot(Path(copied))), "a plain copy loses it"


def test_ids_that_are_too_large_leave_the_set_in_wal_mode(images: Path) -> None:
    timelapse = Timelapse.open(images / TDB)
    timelapse.label("B/C/IMG_3.jpg", "deer")
    execute(timelapse.ddb, "UPDATE DataTable SET Id = 3000000000 WHERE Id = 4")
    again = Timelapse.open(images / TDB)
    assert [row["Id"] for row in again.records()] == [1, 2, 3, 4]
    assert again.records()[3]["Species"] == "deer"
    assert again.journal_mode() == "wal"


def test_the_simulator_knows_nothing_of_alframe() -> None:
    folder = Path(__file__).parent
    names = ("simulator", "opening", "template", "values", "selection", "csv_io", "recognition", "database")
    assert not [name for name in names if "alframe" in (folder / f"{name}.py").read_text("utf-8")]
