from __future__ import annotations

import csv
import os
import shutil
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from alframe.errors import LabelError
from alframe.formats.timelapse import data as data_module
from alframe.formats.timelapse import update as update_module
from alframe.kit.round_folders import round_folder
from alframe.label_sources.timelapse import set_answers as set_answers
from alframe.label_sources.timelapse.set_source import TimelapseSet
from alframe.testing.label_source import CLASSES, LabelSourceSuite
from alframe.types import UNSURE, Item, Request, Suggestion
from tests.timelapse.simulator import Timelapse as Program
from tests.timelapse.simulator import snapshot
from tests.timelapse.template import TemplateEditor

TDB, DDB = "TimelapseTemplate.tdb", "TimelapseData.ddb"
CHOICES = ("red fox", "deer", "blank", UNSURE)


def template(folder: Path, species: str = "FixedChoice") -> TemplateEditor:
    editor = TemplateEditor.new(folder / TDB).add(species, "Species", CHOICES if "Choice" in species else ())
    editor.add("Flag", "Selected").add("IntegerPositive", "ALRound").add("Note", "ALPrediction")
    return editor.add("DecimalPositive", "ALConfidence").add("Note", "Comments")


def picture(file: Path, number: int) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = f"2024:05:01 10:00:{number:02d}"
    Image.new("RGB", (8, 8), (number, 0, 0)).save(file, "JPEG", exif=exif)
    return file


def labelled(program: Program, answers: Mapping[str, str]) -> Program:
    for key, name in answers.items():
        for record in program.find(key):
            program.set(record, "Species", name)
    return program


class Suite(LabelSourceSuite):
    """A set in which any species can be written; its images are called as in the suite, but for their ending."""

    @pytest.fixture(autouse=True)
    def _where(self, tmp_path: Path) -> None:
        self.pool = tmp_path / "pool"

    def make(self) -> TimelapseSet:
        return TimelapseSet(str(self.pool))

    def write_item(self, folder: Path, name: str, number: int) -> Item:
        return Item(name, picture((folder / "pool" / name).with_suffix(".jpg"), number), label=CLASSES[number % 2])

    def make_request(self, folder: Path) -> Request:
        request = super().make_request(folder)
        self.pool = folder / "pool"
        template(self.pool, "Note")
        Program.open(self.pool / TDB).close()
        return request

    def answer(self, request: Request, answers: Mapping[str, str]) -> None:
        labelled(Program.open(self.pool / TDB), self._keys(answers)).close()

    def clear_answers(self, request: Request, ids: Collection[str]) -> None:
        self.answer(request, dict.fromkeys(ids, ""))

    def add_second_answers(self, request: Request, answers: Mapping[str, str]) -> None:
        program = Program.open(self.pool / TDB)
        for key, name in self._keys(answers).items():
            program.set(program.duplicate(program.find(key)[0]), "Species", name)
        program.close()

    def _keys(self, answers: Mapping[str, str]) -> dict[str, str]:
        return {item.replace(".png", ".jpg"): name for item, name in answers.items()}

    def test_deleted_files_take_nothing_back(self, request_: Request) -> None:
        """The answers are not in the round's folder, which is only for exports."""
        source = self.answered_source(request_)
        shutil.rmtree(request_.folder)
        assert len(source.collect(request_).labels) == len(request_.items)
        shutil.move(self.pool / DDB, self.pool / "elsewhere.bak")
        answers = source.collect(request_)
        assert not answers.labels
        assert not answers.cleared
        Program.open(self.pool / TDB).close()  # a new data file
        assert not source.collect(request_).cleared

    def test_next_round_starts_empty(self, request_: Request) -> None:
        """Not here: what an image is called in the set is so, whichever round asks."""
        self.make().request(request_)
        self.answer(request_, self.true_classes(request_))
        following = replace(request_, round=4, items=request_.items[:2])
        assert len(self.make().collect(following).labels) == 2

    def test_pool_is_left_as_it_was(self, request_: Request, tmp_path: Path) -> None:
        before = {file: file.read_bytes() for file in self.pool.rglob("*.jpg")}
        self.answered_source(request_).collect(request_)
        assert {file: file.read_bytes() for file in self.pool.rglob("*.jpg")} == before


class TestTimelapseSet(Suite):
    pass


class TestTimelapseSetWritten(Suite):
    def make(self) -> TimelapseSet:
        return TimelapseSet(str(self.pool), write=True)

    @pytest.fixture(autouse=True)
    def _closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(update_module, "QUIET_SECONDS", -1)


NAMES = ("A/IMG_1.JPG", "A/IMG_2.JPG", "B/C/IMG_1.JPG", "B/C/IMG_3.jpg", "B/C/IMG_4.jpg", "top.jpg")


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    folder = tmp_path / "pool"
    for number, name in enumerate(NAMES):
        picture(folder / name, number)
    template(folder)
    Program.open(folder / TDB).close()
    return folder


def asked(pool: Path, *names: str, round: int = 1) -> Request:
    items = tuple(Item(name, pool / name) for name in names)
    return Request(round, items, ("deer", "red fox"), pool.parent / "labels")


def selector(pool: Path) -> list[dict[str, str]]:
    content = (pool / "TimelapseData.csv").read_bytes()
    assert not content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\r\n") == content.count(b"\n")
    return list(csv.DictReader(content.decode().splitlines()))


def collected(request: Request, source: TimelapseSet) -> dict[str, str]:
    return {label.item: label.class_name for label in source.collect(request).labels}


def problems(request: Request, source: TimelapseSet) -> list[str]:
    return [str(problem) for problem in source.collect(request).problems]


def selected(program: Program) -> set[str]:
    rows = [row for row in program.records() if row["Selected"] == "true"]
    return {f"{row['RelativePath']}\\{row['File']}".replace("\\", "/").lstrip("/") for row in rows}


# Asking


def test_three_rounds_by_import_without_a_warning(pool: Path) -> None:
    source = TimelapseSet(str(pool))
    batches = [("A/IMG_1.JPG", "B/C/IMG_1.JPG"), ("A/IMG_2.JPG", "top.jpg"), ("B/C/IMG_3.jpg",)]
    for number, batch in enumerate(batches, start=1):
        request = replace(asked(pool, *batch), round=number)
        said = source.request(request)
        assert "press Enter for TimelapseData.csv" in said
        rows = selector(pool)
        assert list(rows[0]) == [
            "File",
            "RelativePath",
            "DateTime",
            "Selected",
            "ALRound",
            "ALPrediction",
            "ALConfidence",
        ]
        assert len(rows) == len(batch) + (len(batches[number - 2]) if number > 1 else 0), "only what changes"
        program = Program.open(pool / TDB)
        times = [row["DateTime"] for row in program.records()]
        done = program.import_csv()
        assert done.imported
        assert done.problems == []
        assert [row["DateTime"] for row in program.records()] == times
        assert selected(program) == set(batch)
        assert {row["ALRound"] for row in program.select(Selected="true")} == {str(number)}
        labelled(program, dict.fromkeys(batch, "deer")).close()
        assert collected(request, source) == dict.fromkeys(batch, "deer")
        again = source.request(request)
        assert "They are selected in Timelapse" in again
        assert not (pool / "TimelapseData.csv").exists(), "what is done is not to be imported again later"


def test_suggestions_are_carried(pool: Path) -> None:
    request = replace(asked(pool, "A/IMG_1.JPG"), suggestions=(Suggestion("red fox", 0.4),))
    TimelapseSet(str(pool)).request(request)
    (row,) = selector(pool)
    assert (row["ALPrediction"], row["ALConfidence"]) == ("red fox", "0.4000")
    assert row["RelativePath"] == "A"


def test_the_users_corrected_times_stay(pool: Path) -> None:
    db = sqlite3.connect(pool / DDB)
    with db:
        db.execute("UPDATE DataTable SET DateTime = '1999-12-31 23:59:59' WHERE File = 'IMG_2.JPG'")
    db.close()
    TimelapseSet(str(pool)).request(asked(pool, "A/IMG_2.JPG"))
    assert selector(pool)[0]["DateTime"] == "1999-12-31 23:59:59"


def test_one_bad_time_leaves_the_column_out_and_is_announced(pool: Path) -> None:
    db = sqlite3.connect(pool / DDB)
    with db:
        db.execute("UPDATE DataTable SET DateTime = '1 May' WHERE File = 'IMG_2.JPG'")
    db.close()
    said = TimelapseSet(str(pool)).request(asked(pool, "A/IMG_2.JPG", "A/IMG_1.JPG"))
    assert "Date/Time was not updated, which is intended" in said
    assert "DateTime" not in selector(pool)[0]
    program = Program.open(pool / TDB)
    assert program.import_csv().imported
    assert selected(program) == {"A/IMG_2.JPG", "A/IMG_1.JPG"}


def test_every_record_of_a_duplicated_image_is_selected(pool: Path) -> None:
    program = Program.open(pool / TDB)
    program.duplicate(program.find("A/IMG_1.JPG")[0])
    program.close()
    TimelapseSet(str(pool)).request(asked(pool, "A/IMG_1.JPG"))
    assert len(selector(pool)) == 2
    program = Program.open(pool / TDB)
    before = [row["DateTime"] for row in program.records()]
    assert program.import_csv().problems == []
    assert len(program.select(Selected="true")) == 2
    assert [row["DateTime"] for row in program.records()] == before


def test_an_image_in_the_root_folder_whose_name_others_have(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    for number, name in enumerate(["same.jpg", "A/same.jpg", "B/same.jpg", "A/x.jpg"]):
        picture(pool / name, number)
    template(pool)
    Program.open(pool / TDB).close()
    said = TimelapseSet(str(pool)).request(asked(pool, "same.jpg", "A/x.jpg"))
    assert "1 (same.jpg) cannot be selected by an import" in said
    assert [row["File"] for row in selector(pool)] == ["x.jpg"]
    program = Program.open(pool / TDB)
    program.import_csv()
    assert selected(program) == {"A/x.jpg"}


def test_values_that_would_stop_the_import_are_left_out(pool: Path) -> None:
    """An old value of another type, which an update by hand has left, would make Timelapse refuse the whole file."""
    program = Program.open(pool / TDB)
    program.label("A/IMG_2.JPG", "true", "Selected")
    program.close()
    db = sqlite3.connect(pool / DDB)
    with db:
        db.execute("UPDATE DataTable SET ALRound = 'two' WHERE File = 'IMG_2.JPG'")
    db.close()
    TimelapseSet(str(pool)).request(asked(pool, "A/IMG_1.JPG"))
    assert Program.open(pool / TDB).import_csv().imported


def test_a_file_of_the_users_is_not_replaced(pool: Path) -> None:
    program = Program.open(pool / TDB)
    file = program.export_csv(pool / "TimelapseData.csv")
    before = file.read_bytes()
    with pytest.raises(LabelError, match="not written by alframe"):
        TimelapseSet(str(pool)).request(asked(pool, "A/IMG_1.JPG"))
    assert file.read_bytes() == before


def test_images_that_the_set_has_not(pool: Path, tmp_path: Path) -> None:
    picture(pool / "new.jpg", 9)
    said = TimelapseSet(str(pool)).request(asked(pool, "new.jpg", "A/IMG_1.JPG"))
    assert "1 (new.jpg) of these are not in the set" in said
    only = TimelapseSet(str(pool)).request(replace(asked(pool, "new.jpg"), round=2))
    assert "They are selected" not in only


def test_boxes_cannot_be_told_apart_here(pool: Path) -> None:
    items = tuple(Item(f"A/IMG_1.JPG#{n}", pool / "A/IMG_1.JPG", meta={"box": f"{n} of 2"}) for n in (1, 2))
    request = replace(asked(pool), items=items)
    source = TimelapseSet(str(pool))
    assert "label_source=timelapse" in source.request(request)
    labelled(Program.open(pool / TDB), {"A/IMG_1.JPG": "deer"})
    assert collected(request, source) == {}


def test_a_folder_without_a_template_gets_one(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    picture(pool / "a" / "1.jpg", 1)
    request = asked(pool, "a/1.jpg")
    source = TimelapseSet(str(pool), species="Animal", selected="ToDo")
    assert f"{TDB} was written there" in source.request(request)
    assert source.collect(request).labels == []
    assert "no data file yet" in source.request(request)
    program = Program.open(pool / TDB)
    assert program.dialogs == []
    program.close()
    source.request(request)
    program = Program.open(pool / TDB)
    assert program.import_csv().problems == []
    assert len(program.select(ToDo="true")) == 1
    program.label("a/1.jpg", "deer", "Animal")
    assert collected(request, source) == {"a/1.jpg": "deer"}


def test_a_template_without_the_fields_is_an_error_that_says_how_to_add_them(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    picture(pool / "a" / "1.jpg", 1)
    editor = TemplateEditor.new(pool / TDB)
    editor.add("FixedChoice", "Choice0", ("deer",), label="Species").add("Note", "selected").add("Note", "ALRound")
    source, request = TimelapseSet(str(pool)), asked(pool, "a/1.jpg")
    for _ in range(2):  # before the data file is there, and after
        with pytest.raises(LabelError) as raised:
            source.request(request)
        said = str(raised.value)
        assert "Data Label 'Species'" in said
        assert "its Data Label is 'Choice0'" in said
        assert "Did you mean 'selected'" in said
        assert "Template Editor" in said
        Program.open(pool / TDB).close()
    assert "'Species'" in problems(request, source)[0]
    editor.add("Flag", "ToDo")
    Program.open(pool / TDB).close()
    TimelapseSet(str(pool), species="Choice0", selected="ToDo", round_field="").request(request)
    assert list(selector(pool)[0]) == ["File", "RelativePath", "DateTime", "ToDo"]


def test_a_round_field_of_the_wrong_type(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    picture(pool / "a" / "1.jpg", 1)
    TemplateEditor.new(pool / TDB).add("Note", "Species").add("Flag", "Selected").add("Flag", "ALRound")
    with pytest.raises(LabelError, match=r"'ALRound'.*is a Flag"):
        TimelapseSet(str(pool)).request(asked(pool, "a/1.jpg"))


def test_a_set_that_is_not_there_or_not_one(pool: Path) -> None:
    request = asked(pool, "A/IMG_1.JPG")
    nowhere = TimelapseSet(str(pool / "nowhere.tdb"))
    with pytest.raises(LabelError, match="does not exist"):
        nowhere.request(request)
    assert "does not exist" in problems(request, nowhere)[0]
    shutil.copy(pool / DDB, pool / "Other.ddb")
    with pytest.raises(LabelError, match=r"several data files: Other.ddb, TimelapseData.ddb"):
        TimelapseSet(str(pool)).request(request)
    for choice in (DDB, "Other.ddb"):
        TimelapseSet(str(pool / choice)).request(request)
        assert (pool / choice).with_suffix(".csv").exists()


# Reading


def test_an_answer_says_when_and_where_and_two_are_two(pool: Path) -> None:
    source, request = TimelapseSet(str(pool), annotator="anna"), asked(pool, "A/IMG_1.JPG", "A/IMG_2.JPG")
    program = Program.open(pool / TDB)
    (first,) = program.find("A/IMG_1.JPG")
    program.set(first, "Species", "deer")
    second = program.duplicate(first)
    program.set(second, "Species", "red fox")
    answers = source.collect(request)
    assert [(label.class_name, label.row, label.annotator) for label in answers.labels] == [
        ("deer", first, "anna"), ("red fox", second, "anna"),
    ]  # fmt: skip
    assert len(answers.labels[0].answer_file_hash) == 32
    assert list(answers.cleared) == ["A/IMG_2.JPG"]


def test_several_species_in_one_field(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    picture(pool / "a" / "1.jpg", 1)
    template(pool, "MultiChoice")
    program = Program.open(pool / TDB)
    program.label("a/1.jpg", "red fox,deer")
    request = asked(pool, "a/1.jpg")
    assert [label.class_name for label in TimelapseSet(str(pool)).collect(request).labels] == ["red fox", "deer"]


def test_the_file_is_read_once_for_many_rounds_and_again_when_it_has_changed(
    pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled(Program.open(pool / TDB), {"A/IMG_1.JPG": "deer"}).close()
    old = time.time() - 100
    os.utime(pool / DDB, (old, old))
    calls = []
    real = set_answers.read_answer_records
    monkeypatch.setattr(
        set_answers, "read_answer_records", lambda *args, **more: calls.append(args) or real(*args, **more)
    )
    source = TimelapseSet(str(pool))
    for number in range(100):
        assert collected(replace(asked(pool, "A/IMG_1.JPG"), round=number), source) == {"A/IMG_1.JPG": "deer"}
    assert len(calls) == 1
    labelled(Program.open(pool / TDB), {"A/IMG_1.JPG": "red fox"})
    assert collected(asked(pool, "A/IMG_1.JPG"), source) == {"A/IMG_1.JPG": "red fox"}
    assert len(calls) == 2


def test_a_change_within_the_same_tick_of_the_clock_is_seen(pool: Path) -> None:
    source, request = TimelapseSet(str(pool)), asked(pool, "A/IMG_1.JPG")
    program = labelled(Program.open(pool / TDB), {"A/IMG_1.JPG": "deer"})
    about = (pool / DDB).stat()
    assert collected(request, source) == {"A/IMG_1.JPG": "deer"}
    labelled(program, {"A/IMG_1.JPG": "blank"})
    os.utime(pool / DDB, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert collected(request, source) == {"A/IMG_1.JPG": "blank"}


def test_answers_in_the_log_beside_the_file(pool: Path) -> None:
    source, request = TimelapseSet(str(pool)), asked(pool, "A/IMG_1.JPG")
    program = labelled(Program.open(pool / TDB), {"A/IMG_1.JPG": "deer"})
    assert collected(request, source) == {"A/IMG_1.JPG": "deer"}
    program.leave_wal(program.find("A/IMG_1.JPG")[0], "Species", "red fox")
    assert collected(request, source) == {"A/IMG_1.JPG": "red fox"}


@pytest.mark.parametrize("form", ["space", "T", "columns"])
@pytest.mark.parametrize("plain", [True, False])
def test_every_form_of_export(pool: Path, form: str, plain: bool) -> None:
    answers = {"A/IMG_1.JPG": "deer", "B/C/IMG_1.JPG": "red fox", "top.jpg": UNSURE}
    request = asked(pool, *NAMES)
    source = TimelapseSet(str(pool))
    source.request(request)
    program = labelled(Program.open(pool / TDB), answers)
    file = program.export_csv(
        round_folder(request) / "ImageData.csv", datetime=form, space_before=plain, root_folder=plain
    )
    labelled(program, dict.fromkeys(answers, ""))
    found = source.collect(request)
    assert {label.item: label.class_name for label in found.labels} == answers
    assert {label.file for label in found.labels} == {str(file)}
    assert found.problems == []
    assert found.cleared == []


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_exports_that_went_through_other_programs(pool: Path, separator: str, encoding: str, tmp_path: Path) -> None:
    rows = [
        ["Comments", "RootFolder", "File", "RelativePath", "Species"],
        ["NA", "pool", "IMG_1.JPG", "A", "deer"],
        ["", "pool", "IMG_1.JPG", "B\\C", "NA"],
        ["", "pool", "IMG_3.jpg", "B/C/", "None"],
        ["007", "pool", "top.jpg", "", "red fox"],
        ["", "pool", "stranger.jpg", "Z", "deer"],
    ]
    text = "\r\n".join(separator.join(row) for row in rows)
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "one.csv").write_bytes(text.encode(encoding))
    source = TimelapseSet(str(pool), exports=[str(tmp_path / "exports" / "*.csv")])
    request = asked(pool, *NAMES)
    known = {"A/IMG_1.JPG": "deer", "top.jpg": "red fox"}
    assert collected(request, source) == known, "programs write NA and None where nothing is known"
    declared = replace(request, classes=("NA", "None"))
    assert collected(declared, source) == {**known, "B/C/IMG_1.JPG": "NA", "B/C/IMG_3.jpg": "None"}


@pytest.mark.parametrize("folder", ["survey\\B\\C", "C", "", "D:\\pool\\B\\C"])
def test_an_export_whose_paths_start_elsewhere_is_reported(pool: Path, folder: str) -> None:
    request, source = asked(pool, "B/C/IMG_3.jpg"), TimelapseSet(str(pool))
    round_folder(request).mkdir(parents=True)
    file = round_folder(request) / "export.csv"
    file.write_text(f"File,RelativePath,Species\nIMG_3.jpg,{folder},deer\n", encoding="utf-8")
    (message,) = problems(request, source)
    assert "row 2" in message and "ends like 'B/C/IMG_3.jpg'" in message and str(pool) in message
    file.write_text("File,RelativePath,Species\nIMG_1.JPG,A,deer\n", encoding="utf-8")
    assert not problems(request, source), "a record of an image that was not requested"


def test_folders_that_are_numbers(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    picture(pool / "001" / "02" / "0003.jpg", 1)
    picture(pool / "1" / "2" / "3.jpg", 2)
    template(pool)
    source, request = TimelapseSet(str(pool)), asked(pool, "001/02/0003.jpg", "1/2/3.jpg")
    source.request(request)
    program = labelled(Program.open(pool / TDB), {"001/02/0003.jpg": "deer"})
    program.export_csv(round_folder(request) / "x.csv")
    labelled(program, {"001/02/0003.jpg": ""})
    assert collected(request, source) == {"001/02/0003.jpg": "deer"}


def test_cells_of_missing_folder_levels_are_put_back(tmp_path: Path) -> None:
    """Timelapse leaves them out, which shifts the row."""
    pool = tmp_path / "pool"
    names = ["top.jpg", "S1/one.jpg", "S1/D1/two.jpg", "S1/D1/x/three.jpg"]
    for number, name in enumerate(names):
        picture(pool / name, number)
    template(pool).level("Project").level("Station").level("Deployment")
    request = asked(pool, *names)
    program = labelled(Program.open(pool / TDB), dict.fromkeys(names, "deer"))
    source = TimelapseSet(str(pool), exports=str(tmp_path / "out.csv"))
    for root_folder in (True, False):
        file = program.export_csv(tmp_path / "out.csv", root_folder=root_folder)
        assert len({line.count(",") for line in file.read_text().splitlines()}) > 1
        labelled(program, dict.fromkeys(names, ""))
        assert collected(request, source) == dict.fromkeys(names, "deer")
        (pool / DDB).rename(pool / "away")  # then how many levels there are is to be seen in the export alone
        assert collected(request, source) == dict.fromkeys(names, "deer")
        (pool / "away").rename(pool / DDB)
        labelled(program, dict.fromkeys(names, "deer"))


def test_an_export_in_any_round_counts_for_every_round(pool: Path) -> None:
    source, first, second = TimelapseSet(str(pool)), asked(pool, NAMES[0]), asked(pool, NAMES[1], round=2)
    for request in (first, second):
        source.request(request)
    program = labelled(Program.open(pool / TDB), {NAMES[0]: "deer", NAMES[1]: "deer"})
    program.export_csv(round_folder(second) / "all.csv")
    labelled(program, {NAMES[0]: "", NAMES[1]: ""})
    assert collected(first, source) == {NAMES[0]: "deer"}
    assert collected(second, source) == {NAMES[1]: "deer"}


def test_bad_exports_cost_no_other(pool: Path) -> None:
    source, request = TimelapseSet(str(pool)), asked(pool, *NAMES)
    source.request(request)
    (round_folder(request) / "a.csv").write_text("nothing,here\n1,2\n")
    (round_folder(request) / "b.csv").write_text('File,RelativePath,Species\ntop.jpg,,"deer\nIMG_1.JPG,A,deer\n')
    (round_folder(request) / "c.csv").write_text("File,RelativePath,Species\nIMG_2.JPG,A,deeer\n")
    labelled(Program.open(pool / TDB), {"B/C/IMG_3.jpg": "deer"})
    assert collected(request, source)["B/C/IMG_3.jpg"] == "deer"
    said = "\n".join(problems(request, source))
    for words in ("a.csv, row 1", "b.csv, row 2", "c.csv, row 2", "Did you mean 'deer'"):
        assert words in said
    missing = TimelapseSet(str(pool), exports="no/*.csv")
    assert "label_source.exports" in problems(request, missing)[0]


def test_a_damaged_set_is_reported_and_exports_are_read(pool: Path) -> None:
    source, request = TimelapseSet(str(pool)), asked(pool, "A/IMG_1.JPG")
    source.request(request)
    program = labelled(Program.open(pool / TDB), {"A/IMG_1.JPG": "deer"})
    program.export_csv(round_folder(request) / "x.csv")
    (pool / DDB).write_bytes(b"no database" * 1000)
    assert collected(request, source) == {"A/IMG_1.JPG": "deer"}
    assert "Backups" in problems(request, source)[0]
    with pytest.raises(LabelError, match="Backups"):
        source.request(request)


def test_a_set_that_lies_elsewhere_is_matched_by_the_ids(pool: Path, tmp_path: Path) -> None:
    labelled(Program.open(pool / TDB), {"A/IMG_1.JPG": "deer"})
    (tmp_path / "mail").mkdir()
    shutil.copy(pool / DDB, tmp_path / "mail")
    assert collected(asked(pool, "A/IMG_1.JPG"), TimelapseSet(str(tmp_path / "mail"))) == {"A/IMG_1.JPG": "deer"}


def test_upper_and_lower_case_are_one_unless_they_are_two_images(pool: Path, tmp_path: Path) -> None:
    source = TimelapseSet(str(pool))
    labelled(Program.open(pool / TDB), {"A/IMG_1.JPG": "deer"})
    other = Item("a/img_1.jpg", tmp_path / "elsewhere" / "a" / "img_1.jpg")
    shutil.copytree(pool / "A", tmp_path / "elsewhere" / "a")
    assert collected(replace(asked(pool), items=(other,)), source) == {}, "another file"
    (pool / "A" / "IMG_1.JPG").unlink()
    here = Item("a/img_1.jpg", pool / "a" / "img_1.jpg")
    assert collected(replace(asked(pool), items=(here,)), source) == {"a/img_1.jpg": "deer"}


# Writing


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch, pool: Path) -> Iterator[None]:
    """Nobody has touched the set for an hour, and Timelapse is not running."""
    old = time.time() - 3600
    os.utime(pool / DDB, (old, old))
    monkeypatch.setattr(update_module, "_running_programs", lambda: ["explorer.exe"])
    yield


@pytest.mark.usefixtures("closed")
def test_written_in_place_it_opens_on_the_batch(pool: Path) -> None:
    before = {row[0]: row for row in snapshot(pool / DDB)}
    request = replace(
        asked(pool, "A/IMG_2.JPG", "B/C/IMG_1.JPG", round=4),
        suggestions=(Suggestion("deer", 0.9), Suggestion("deer", 0.3)),
    )
    said = TimelapseSet(str(pool), write=True).request(request)
    assert "It opens on them" in said
    program = Program.open(pool / TDB)
    assert program.custom
    assert [row["File"] for row in program.shown] == ["IMG_1.JPG", "IMG_2.JPG"], "the most doubtful first"
    assert {row["ALRound"] for row in program.shown} == {"4"}
    assert program.journal_mode() == "delete"
    changed = [row for row in snapshot(pool / DDB) if row != before[row[0]]]
    assert len(changed) == 2
    (backup,) = [file for file in (pool / "Backups").glob("*.ddb") if snapshot(file) == list(before.values())][:1]
    stamp = datetime.strptime(backup.name, "TimelapseData.%Y-%m-%d.%H-%M-%S.ddb")
    assert abs(datetime.now() - stamp) < timedelta(minutes=5)
    assert not (pool / "TimelapseData.csv").exists()


@pytest.mark.usefixtures("closed")
def test_an_image_in_the_root_folder_is_no_hazard_when_written_in_place(tmp_path: Path) -> None:
    pool = tmp_path / "other"
    for number, name in enumerate(["same.jpg", "A/same.jpg"]):
        picture(pool / name, number)
    template(pool)
    Program.open(pool / TDB).close()
    os.utime(pool / DDB, (1, 1))
    TimelapseSet(str(pool), write=True).request(asked(pool, "same.jpg"))
    assert selected(Program.open(pool / TDB)) == {"same.jpg"}


@pytest.mark.parametrize(
    ("programs", "words"), [(["Timelapse.exe"], "Timelapse is running"), (None, "it is unknown whether")]
)
@pytest.mark.usefixtures("closed")
def test_an_open_timelapse_is_left_alone_and_the_import_offered(
    pool: Path, monkeypatch: pytest.MonkeyPatch, programs: list[str] | None, words: str
) -> None:
    def listing() -> list[str]:
        if programs is None:
            raise OSError("no such command")
        return programs

    monkeypatch.setattr(update_module, "_running_programs", listing)
    before = (pool / DDB).read_bytes()
    said = TimelapseSet(str(pool), write=True).request(asked(pool, "A/IMG_1.JPG"))
    assert words in said
    assert "press Enter for TimelapseData.csv" in said
    assert (pool / DDB).read_bytes() == before


@pytest.mark.usefixtures("closed")
def test_a_set_just_changed_journalled_or_of_a_newer_version_is_left_alone(pool: Path) -> None:
    source, request = TimelapseSet(str(pool), write=True), asked(pool, "A/IMG_1.JPG")
    before = (pool / DDB).read_bytes()
    (pool / f"{DDB}-wal").write_bytes(b"")
    assert "-wal is beside it" in source.request(request)
    (pool / f"{DDB}-wal").unlink()
    os.utime(pool / DDB)
    assert "less than a minute ago" in source.request(request)
    assert (pool / DDB).read_bytes() == before
    db = sqlite3.connect(pool / DDB)
    with db:
        db.execute("UPDATE ImageSetTable SET VersionCompatabily = '3.0.0.0'")
    db.close()
    os.utime(pool / DDB, (1, 1))
    assert "3.0.0.0" in source.request(request)


@pytest.mark.usefixtures("closed")
def test_a_killed_write_changes_nothing(pool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(db: sqlite3.Connection, *_: object) -> None:
        raise KeyboardInterrupt

    before = snapshot(pool / DDB)
    real = update_module.quote_name
    calls = iter(range(100))
    monkeypatch.setattr(update_module, "quote_name", lambda name: real(name) if next(calls) < 5 else die(None))
    with pytest.raises(KeyboardInterrupt):
        TimelapseSet(str(pool), write=True).request(asked(pool, "A/IMG_1.JPG", "A/IMG_2.JPG"))
    monkeypatch.setattr(update_module, "quote_name", real)
    assert snapshot(pool / DDB) == before
    TimelapseSet(str(pool), write=True).request(asked(pool, "A/IMG_1.JPG", "A/IMG_2.JPG"))
    assert selected(Program.open(pool / TDB)) == {"A/IMG_1.JPG", "A/IMG_2.JPG"}


@pytest.mark.usefixtures("closed")
def test_records_that_timelapse_renumbered_are_not_mixed_up(pool: Path) -> None:
    change = update_module.RowUpdate(1, "nobody.jpg", "A", {"Selected": "true"})
    before = snapshot(pool / DDB)
    with pytest.raises(Exception, match="changed by another program"):
        update_module.back_up_and_update_rows(pool / DDB, [change], {})
    assert snapshot(pool / DDB) == before


def test_this_computer_can_be_asked_what_runs() -> None:
    assert update_module.is_timelapse_running() is False


def test_pages_of_records_go_on_where_the_last_ended(pool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [record.id for record in data_module.read_records(pool / DDB, ())]
    for size in (1, 2, 5, 6, 7):
        monkeypatch.setattr(data_module, "PAGE_RECORDS", size)
        assert [record.id for record in data_module.read_records(pool / DDB, ())] == whole


def test_a_list_with_another_word_for_unsure(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    picture(pool / "a" / "1.jpg", 1)
    editor = TemplateEditor.new(pool / TDB).add("FixedChoice", "Species", ("deer", "Unknown"))
    editor.add("Flag", "Selected").add("IntegerPositive", "ALRound")
    program = labelled(Program.open(pool / TDB), {"a/1.jpg": "Unknown"})
    request = asked(pool, "a/1.jpg")
    assert "has no 'unsure'" in TimelapseSet(str(pool)).request(request)
    source = TimelapseSet(str(pool), unsure=["unknown", "?"])
    assert "has no 'unsure'" not in source.request(request)
    assert collected(request, source) == {"a/1.jpg": UNSURE}
    program.close()


def test_asking_again_does_not_touch_the_file_that_is_being_imported(pool: Path) -> None:
    source, request = TimelapseSet(str(pool)), asked(pool, "A/IMG_1.JPG")
    source.request(request)
    about = (pool / "TimelapseData.csv").stat()
    source.request(request)
    again = (pool / "TimelapseData.csv").stat()
    assert (about.st_mtime_ns, about.st_ino) == (again.st_mtime_ns, again.st_ino)


CELLS = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=9) | st.binary(max_size=9)
WORDS = st.sampled_from(["deer", "red fox", "Deer", "dear", "blank", UNSURE, "?", "", " ", "\ufffd", "lynx"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(odd=st.lists(st.tuples(CELLS, CELLS, CELLS | WORDS), max_size=4), answers=st.lists(WORDS | CELLS, max_size=6))
def test_no_record_is_too_odd_and_no_label_is_lost(
    pool: Path, odd: list[tuple[object, ...]], answers: list[object]
) -> None:
    """Whatever is in the set: an image with a class has that label, and all others are there beside it."""
    db = sqlite3.connect(pool / DDB)
    with db:
        db.execute("DELETE FROM DataTable WHERE Id > 6")
        db.execute("UPDATE DataTable SET Species = ''")
        for number, answer in enumerate(answers, start=1):
            db.execute("UPDATE DataTable SET Species = ? WHERE Id = ?", (answer, number))
        keys = db.execute("SELECT Id, RelativePath, File FROM DataTable ORDER BY Id").fetchall()
        db.executemany("INSERT INTO DataTable (File, RelativePath, Species) VALUES (?, ?, ?)", odd)
    db.close()
    source, request = TimelapseSet(str(pool)), asked(pool, *NAMES)
    found = source.collect(request)
    got = {(label.item, label.class_name) for label in found.labels}
    for (_, folder, file), answer in zip(keys, answers, strict=False):
        item = f"{folder}/{file}".replace("\\", "/").lstrip("/")
        if answer in ("deer", "red fox", "blank", UNSURE):
            assert (item, answer) in got
        text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer or "")
        assert not text.strip() or item not in found.cleared
    source.request(request)
    (pool / "TimelapseData.csv").unlink(missing_ok=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: ("File,RelativePath,Species\n" + text).encode("utf-8", "replace"))
    | st.lists(st.lists(st.text(max_size=5), max_size=5), max_size=5).map(
        lambda rows: "\n".join(["A,B,File,RelativePath,Species", *map(",".join, rows)]).encode("utf-8", "replace")
    )
)
def test_no_export_is_too_odd(pool: Path, content: bytes) -> None:
    source, request = TimelapseSet(str(pool)), asked(pool, *NAMES)
    round_folder(request).mkdir(parents=True, exist_ok=True)
    (round_folder(request) / "odd.csv").write_bytes(content)
    (round_folder(request) / "good.csv").write_text("File,RelativePath,Species\r\nIMG_2.JPG,A,deer\r\n")
    assert ("A/IMG_2.JPG", "deer") in {(label.item, label.class_name) for label in source.collect(request).labels}
