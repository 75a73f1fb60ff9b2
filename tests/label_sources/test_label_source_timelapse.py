from __future__ import annotations

import csv
import os
import shutil
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from alframe.errors import BadParams, LabelError
from alframe.formats.timelapse.template import read_template
from alframe.kit.round_folders import round_folder
from alframe.label_sources.timelapse import images
from alframe.label_sources.timelapse.source import Timelapse
from alframe.testing.label_source import LabelSourceSuite
from alframe.types import UNSURE, Box, Item, Request, Suggestion
from tests.timelapse.simulator import Timelapse as Program
from tests.timelapse.template import TemplateEditor

TEMPLATE = "TimelapseTemplate.tdb"


def root(request: Request) -> Path:
    return round_folder(request)


def places(request: Request) -> dict[str, str]:
    with (root(request) / "manifest.csv").open(encoding="utf-8-sig", newline="") as handle:
        return {row["id"]: row["name"] for row in csv.DictReader(handle)}


def answer(request: Request, answers: Mapping[str, str], where: Path | None = None) -> None:
    """Open the set, give each image its species, and close it; a name outside the list goes where there is room."""
    program = Program.open((where or root(request)) / TEMPLATE)
    names = places(request)
    species = program.control("Species")
    for item, name in answers.items():
        if item in names:
            (record,) = program.find(names[item])
            listed = species.type == "Note" or name in ("", *species.choices)
            program.set(record, "Species" if listed else "NewSpecies", name)
    program.close()


class Suite(LabelSourceSuite):
    def answer(self, request: Request, answers: Mapping[str, str]) -> None:
        answer(request, answers)

    def clear_answers(self, request: Request, ids: Collection[str]) -> None:
        answer(request, dict.fromkeys(ids, ""))

    def add_second_answers(self, request: Request, answers: Mapping[str, str]) -> None:
        program = Program.open(root(request) / TEMPLATE)
        for item, name in answers.items():
            program.set(program.duplicate(program.find(places(request)[item])[0]), "Species", name)
        program.close()


class TestTimelapse(Suite):
    def make(self) -> Timelapse:
        return Timelapse()


class TestTimelapsePrepared(Suite):
    def make(self) -> Timelapse:
        return Timelapse(prepare=True)


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    suite = LabelSourceSuite()
    names = ["a/1.png", "b/1.png", "b/2.png", "3.png"]
    items = tuple(suite.write_item(tmp_path, name, number) for number, name in enumerate(names))
    return Request(3, items, ("deer", "red fox"), tmp_path / "labels")


def collected(request: Request, source: Timelapse | None = None) -> dict[str, str]:
    return {label.item: label.class_name for label in (source or Timelapse()).collect(request).labels}


def problems(request: Request, source: Timelapse | None = None) -> list[str]:
    return [str(problem) for problem in (source or Timelapse()).collect(request).problems]


def jpeg(file: Path, taken: str = "2024:05:01 10:00:00", **options: object) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = taken
    exif[0x0112] = 1
    Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(file, "JPEG", exif=exif.tobytes(), **options)
    os.utime(file, (1_600_000_000, 1_600_000_000))
    return file


# The set


def test_one_double_click_shows_every_image_and_nothing_else(request_: Request) -> None:
    said = Timelapse().request(request_)
    assert str(root(request_)) in said
    assert TEMPLATE in said
    program = Program.open(root(request_) / TEMPLATE)
    assert program.created
    assert program.dialogs == []
    assert not program.rebuilt
    keys = [row["RelativePath"].replace("\\", "/") + "/" + row["File"] for row in program.records()]
    assert sorted(key.lstrip("/") for key in keys) == ["3.jpg", "a/1.jpg", "b/1.jpg", "b/2.jpg"]
    assert program.control("Species").choices == ("deer", "red fox", "blank", UNSURE)


def test_the_template_of_no_classes_lets_people_write(request_: Request) -> None:
    request = replace(request_, classes=())
    Timelapse().request(request)
    answer(request, {"a/1.png": "Lynx", "3.png": "unsure"})
    assert collected(request) == {"a/1.png": "Lynx", "3.png": UNSURE}


@pytest.mark.parametrize("classes", [("Blank", "fox"), ("empty", "fox"), ("fox", "none")])
def test_the_word_for_no_animal_is_not_there_twice(request_: Request, classes: tuple[str, ...]) -> None:
    request = replace(request_, classes=classes)
    Timelapse().request(request)
    field = read_template(root(request) / TEMPLATE).find_field("Species")
    assert field is not None
    assert field.choices == (*classes, UNSURE)


def test_blank_is_a_class_even_where_new_ones_are_rejected(request_: Request) -> None:
    source = Timelapse(new_classes="reject")
    source.request(request_)
    assert read_template(root(request_) / TEMPLATE).find_field("NewSpecies") is None
    answer(request_, {"a/1.png": "blank"})
    assert collected(request_, source) == {"a/1.png": "blank"}
    assert problems(request_, source) == []


def test_jpegs_are_linked_and_keep_name_time_and_exif(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    files = [jpeg(pool / "cam" / name) for name in ("IMG_1.JPG", "x.jpeg", "y.jpe", "plain")]
    items = tuple(Item(file.relative_to(pool).as_posix(), file) for file in files)
    request = Request(1, items, ("fox",), tmp_path / "labels")
    Timelapse().request(request)
    assert sorted(file.name for file in (root(request) / "cam").iterdir()) == [
        "IMG_1.JPG", "plain.jpg", "x.jpg", "y.jpg",
    ]  # fmt: skip
    assert (root(request) / "cam" / "x.jpg").samefile(files[1])
    copied = replace(request, round=2)
    Timelapse(link=False).request(copied)
    copy = root(copied) / "cam" / "x.jpg"
    assert not copy.samefile(files[1])
    assert copy.read_bytes() == files[1].read_bytes()
    assert copy.stat().st_mtime == files[1].stat().st_mtime


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "BMP"])
def test_other_kinds_become_jpegs_with_their_exif(tmp_path: Path, kind: str) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2024:05:01 10:00:07"
    exif[0x0112] = 6  # to be turned by 90 degrees
    file = tmp_path / "pool" / f"a.{kind.lower()}"
    file.parent.mkdir()
    picture = Image.fromarray(np.full((40, 60, 3), 90, np.uint8))
    picture.save(file, kind, **({} if kind == "BMP" else {"exif": exif.tobytes()}))
    os.utime(file, (1_600_000_000, 1_600_000_000))
    request = Request(1, (Item(file.name, file),), ("fox",), tmp_path / "labels")
    Timelapse().request(request)
    program = Program.open(root(request) / TEMPLATE)
    expected = datetime.fromtimestamp(1_600_000_000) if kind == "BMP" else datetime(2024, 5, 1, 10, 0, 7)
    assert program.records()[0]["DateTime"] == f"{expected:%Y-%m-%d %H:%M:%S}"
    with Image.open(root(request) / "a.jpg") as image:
        assert image.format == "JPEG"
        assert image.size == ((60, 40) if kind == "BMP" else (40, 60)), "upright"
        assert image.getexif().get(0x0112, 1) == 1


def test_a_box_is_shown_as_a_picture_of_its_own(tmp_path: Path) -> None:
    file = jpeg(tmp_path / "pool" / "cam" / "IMG_1.JPG")
    boxes = [Box(0.1, 0.1, 0.3, 0.4), Box(0.5, 0.5, 0.3, 0.4)]
    items = tuple(
        Item(f"cam/IMG_1.JPG#{n}", file, box=box, meta={"box": f"{n} of 2"}) for n, box in enumerate(boxes, start=1)
    )
    request = Request(1, items, ("fox", "deer"), tmp_path / "labels")
    Timelapse().request(request)
    assert places(request) == {
        "cam/IMG_1.JPG#1": "cam/IMG_1_box1.JPG",
        "cam/IMG_1.JPG#2": "cam/IMG_1_box2.JPG",
    }
    with Image.open(root(request) / "cam" / "IMG_1_box1.JPG") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert abs(pixels[2, 5] - [255, 212, 0]).max() < 60, "the line"
    assert abs(pixels[10, 15] - 90).max() < 10, "inside, nothing is drawn"
    program = Program.open(root(request) / TEMPLATE)
    assert {row["DateTime"] for row in program.records()} == {"2024-05-01 10:00:00"}
    program.close()
    answer(request, {"cam/IMG_1.JPG#1": "fox", "cam/IMG_1.JPG#2": "deer"})
    assert collected(request) == {"cam/IMG_1.JPG#1": "fox", "cam/IMG_1.JPG#2": "deer"}


def test_names_that_windows_takes_and_no_two_alike(tmp_path: Path) -> None:
    ids = [
        "cam/a.png", "cam/a.jpeg", "Cam/A.jpg", "cam/a_2.jpg", "Backups/x.jpg", "DeletedFiles/x.jpg", "con/nul.jpg",
        "a:b/c?.jpg", "end./x.jpg", ".hidden/x.jpg", "manifest.csv/x.jpg", "größe/ü.jpg", "gro\u0308ße/u\u0308.jpg",
        "/abs/x.jpg", "../up/x.jpg",
    ]  # fmt: skip
    found = images.choose_names(Item(one, Path(one)) for one in ids)
    assert list(found.values())[:4] == ["cam/a.jpg", "cam/a_2.jpg", "Cam/A_3.jpg", "cam/a_2_2.jpg"]
    assert list(found.values())[4:11] == [
        "%42ackups/x.jpg", "%44eletedFiles/x.jpg", "%63on/%6Eul.jpg", "a%3Ab/c%3F.jpg", "end%2E/x.jpg",
        "%2Ehidden/x.jpg", "%6Danifest.csv/x.jpg",
    ]  # fmt: skip
    assert found["/abs/x.jpg"] == "abs/x.jpg"
    assert found["../up/x.jpg"] == "up/x.jpg"
    assert len(set(map(images.windows_name_key, found.values()))) == len(ids)


def test_a_path_that_windows_cannot_open_is_refused_with_the_remedy(request_: Request) -> None:
    deep = replace(request_, folder=request_.folder / "/".join(["d" * 40] * 6))
    with pytest.raises(LabelError, match=r"too long.*shorter path"):
        Timelapse().request(deep)


def test_the_name_under_which_windows_writes_an_image_counts(
    request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "alframe.label_sources.timelapse.source"
    Timelapse().request(request_)
    folder = request_.folder
    longest = max(len(str(file)) for file in folder.rglob("*.[jJ]*") if file.is_file())
    monkeypatch.setattr(f"{source}.is_path_too_long", lambda _: False)
    monkeypatch.setattr(f"{source}.MAX_PATH_LENGTH", longest + 14)
    Timelapse().request(request_)
    monkeypatch.setattr(f"{source}.MAX_PATH_LENGTH", longest + 13)
    with pytest.raises(LabelError, match="too long"):
        Timelapse().request(request_)


def test_an_image_that_is_gone_costs_no_other(request_: Request) -> None:
    request_.items[1].path.unlink()
    request_.items[2].path.write_bytes(b"no picture")
    said = Timelapse().request(request_)
    assert "b/1.png cannot be shown" in said
    assert "b/2.png cannot be shown" in said
    assert len(Program.open(root(request_) / TEMPLATE).records()) == 2


@pytest.mark.parametrize("done", range(6))
@pytest.mark.parametrize("prepare", [False, True])
def test_a_killed_request_is_completed(
    request_: Request, done: int, prepare: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = Path.replace, iter(range(100))

    def die(self: Path, target: Path) -> Path:
        if next(calls) == done:
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        Timelapse(prepare=prepare).request(request_)
    assert not (root(request_) / TEMPLATE).exists(), "nobody can open half a set"
    Timelapse(prepare=prepare).request(request_)
    monkeypatch.undo()
    answer(request_, {item.id: "deer" for item in request_.items})
    assert len(collected(request_)) == 4
    assert problems(request_) == []


def test_a_set_in_use_is_left_alone(request_: Request) -> None:
    Timelapse().request(request_)
    answer(request_, {"a/1.png": "deer"})
    program = Program.open(root(request_) / TEMPLATE)
    program.delete(program.find("b/1.jpg")[0])
    before = {file: file.read_bytes() for file in root(request_).rglob("*") if file.is_file()}
    Timelapse().request(replace(request_, classes=("deer", "red fox", "lynx")))
    assert {file: file.read_bytes() for file in root(request_).rglob("*") if file.is_file()} == before
    answers = Timelapse().collect(request_)
    assert [label.item for label in answers.labels] == ["a/1.png"]
    assert list(answers.cleared) == ["b/2.png", "3.png"], "what was deleted was skipped, not emptied"


# The answers


def test_answers_are_read_while_timelapse_is_open_and_come_with_their_origin(request_: Request) -> None:
    Timelapse().request(request_)
    program = Program.open(root(request_) / TEMPLATE)
    program.label("a/1.jpg", "deer")
    assert collected(request_) == {"a/1.png": "deer"}
    program.label("b/1.jpg", UNSURE)
    program.label("b/2.jpg", "red fox")
    answers = Timelapse(annotator="anna").collect(request_)
    assert {label.item: label.class_name for label in answers.labels} == {
        "a/1.png": "deer", "b/1.png": UNSURE, "b/2.png": "red fox",
    }  # fmt: skip
    label = answers.labels[0]
    assert label.annotator == "anna"
    assert label.file == str(root(request_) / "TimelapseData.ddb")
    assert label.row == program.find("a/1.jpg")[0]
    assert label.labelled_at is not None
    assert len(label.answer_file_hash) == 32
    assert list(answers.cleared) == ["3.png"]


def test_an_answer_can_be_corrected_and_taken_back(request_: Request) -> None:
    Timelapse().request(request_)
    answer(request_, {"a/1.png": "deer", "b/1.png": "deer"})
    answer(request_, {"a/1.png": "red fox", "b/1.png": ""})
    answers = Timelapse().collect(request_)
    assert {label.item: label.class_name for label in answers.labels} == {"a/1.png": "red fox"}
    assert "b/1.png" in answers.cleared


def test_two_animals_in_one_picture_are_two_labels(request_: Request) -> None:
    Timelapse().request(request_)
    program = Program.open(root(request_) / TEMPLATE)
    (record,) = program.find("a/1.jpg")
    program.set(record, "Species", "deer")
    other = program.duplicate(record)
    assert len(Timelapse().collect(request_).labels) == 1, "two of a kind are one label"
    program.set(other, "Species", "red fox")
    assert [label.class_name for label in Timelapse().collect(request_).labels] == ["deer", "red fox"]
    program.set(other, "Species", "")
    assert [label.class_name for label in Timelapse().collect(request_).labels] == ["deer"]
    assert "a/1.png" not in Timelapse().collect(request_).cleared


def test_a_mark_for_deletion_changes_nothing(request_: Request) -> None:
    Timelapse().request(request_)
    answer(request_, {"a/1.png": "deer"})
    program = Program.open(root(request_) / TEMPLATE)
    for name in ("a/1.jpg", "b/1.jpg"):
        program.label(name, "true", "DeleteFlag")
    answers = Timelapse().collect(request_)
    assert [label.item for label in answers.labels] == ["a/1.png"]
    assert "b/1.png" in answers.cleared


def test_what_was_removed_and_put_there_again_takes_nothing_back(request_: Request) -> None:
    Timelapse().request(request_)
    answer(request_, {"a/1.png": "deer", "b/1.png": "deer"})
    shutil.rmtree(root(request_))
    assert Timelapse().collect(request_).cleared == ()
    Timelapse().request(request_)
    answer(request_, {"b/1.png": "red fox"})
    answers = Timelapse().collect(request_)
    assert [label.item for label in answers.labels] == ["b/1.png"]
    assert not answers.cleared


def test_copies_that_timelapse_makes_are_not_read(request_: Request) -> None:
    Timelapse().request(request_)
    answer(request_, {"a/1.png": "deer"})
    for name in ("Backups", "DeletedFiles"):
        (root(request_) / name).mkdir(exist_ok=True)
        shutil.copy(root(request_) / "TimelapseData.ddb", root(request_) / name / "old.ddb")
    answer(request_, {"a/1.png": "red fox"})
    assert collected(request_) == {"a/1.png": "red fox"}


def test_a_set_for_each_annotator(request_: Request) -> None:
    source = Timelapse(annotators=["anna", "Bob B."])
    said = source.request(request_)
    assert "anna, Bob B." in said
    answer(request_, {"a/1.png": "deer", "b/1.png": "deer"}, root(request_) / "anna")
    answer(request_, {"a/1.png": "red fox"}, root(request_) / "Bob B%2E")
    answers = source.collect(request_)
    assert [(label.item, label.class_name, label.annotator) for label in answers.labels] == [
        ("a/1.png", "red fox", "Bob B."), ("a/1.png", "deer", "anna"), ("b/1.png", "deer", "anna"),
    ]  # fmt: skip
    assert list(answers.cleared) == ["b/2.png", "3.png"], "one of them has answered b/1.png"
    assert list(answers.incomplete) == ["b/1.png"], "Bob B. has not"
    assert not answers.problems
    answer(request_, {"b/1.png": "red fxo"}, root(request_) / "Bob B%2E")
    answers = source.collect(request_)
    assert list(answers.incomplete) == ["b/1.png"], "a name that is refused is no answer"
    assert "red fxo" in str(answers.problems[0])


@pytest.mark.parametrize("annotators", [["anna", "Anna"], ["anna", ""], ["Backups"], "anna"])
def test_annotators_must_be_names_of_folders(annotators: list[str]) -> None:
    with pytest.raises(BadParams, match="annotators"):
        Timelapse(annotators=annotators)


def test_people_can_write_who_they_are(request_: Request) -> None:
    source = Timelapse(annotator="somebody", annotator_field="ByWhom")
    source.request(request_)
    answer(request_, {"a/1.png": "deer", "b/1.png": "deer"})
    program = Program.open(root(request_) / TEMPLATE)
    program.label("a/1.jpg", "anna", "ByWhom")
    assert [label.annotator for label in source.collect(request_).labels] == ["anna", "somebody"]
    with pytest.raises(BadParams, match="annotator_field"):
        Timelapse(annotator_field="select")


def test_a_species_outside_the_list(request_: Request) -> None:
    Timelapse().request(request_)
    answer(request_, {"a/1.png": "lynx", "b/1.png": "red foxx", "b/2.png": "DEER"})
    assert collected(request_) == {"a/1.png": "lynx"}
    first, second = problems(request_)
    assert "Did you mean 'red fox'?" in first
    assert "row" in first
    assert "upper and lower case" in second
    program = Program.open(root(request_) / TEMPLATE)
    program.label("a/1.jpg", "deer")
    assert collected(request_) == {"a/1.png": "deer"}
    assert "New species 'lynx'" in problems(request_)[0]


def test_a_species_that_people_added_to_the_list(request_: Request) -> None:
    Timelapse().request(request_)
    TemplateEditor(root(request_) / TEMPLATE).add_choice("Species", "lynx")
    answer(request_, {"a/1.png": "lynx"})
    assert collected(request_) == {"a/1.png": "lynx"}
    assert problems(request_) == []
    assert "'lynx' is not one of the classes" in problems(request_, Timelapse(new_classes="reject"))[0]


def test_a_class_that_people_removed_from_the_list(request_: Request) -> None:
    Timelapse().request(request_)
    TemplateEditor(root(request_) / TEMPLATE).remove_choice("Species", "deer")
    answer(request_, {"a/1.png": "red fox"})
    assert collected(request_) == {"a/1.png": "red fox"}
    assert "has no 'deer' in the list" in problems(request_)[0]


def test_a_species_field_that_was_renamed(request_: Request) -> None:
    Timelapse().request(request_)
    answer(request_, {"a/1.png": "deer"})
    with sqlite3.connect(root(request_) / "TimelapseData.ddb") as db:
        db.execute("UPDATE TemplateTable SET DataLabel = 'Animal' WHERE DataLabel = 'Species'")
        db.execute("ALTER TABLE DataTable RENAME COLUMN Species TO Animal")
    db.close()
    (message,) = problems(request_)
    assert "'Species'" in message
    assert "Animal" in message
    assert "Template Editor" in message


def test_images_that_nobody_asked_for(request_: Request) -> None:
    Timelapse().request(request_)
    jpeg(root(request_) / "b" / "mine.jpg")
    answer(request_, {"a/1.png": "deer"})
    assert problems(request_) == [], "an image of one's own, without a species, harms nobody"
    program = Program.open(root(request_) / TEMPLATE)
    program.label("b/mine.jpg", "deer")
    assert collected(request_) == {"a/1.png": "deer"}
    assert "b/mine.jpg" in problems(request_)[0]


@pytest.mark.parametrize("content", [None, b"", b"name,id\n", b'name,id,hash,again\n"'])
def test_a_lost_manifest_loses_no_answer(request_: Request, content: bytes | None) -> None:
    Timelapse().request(request_)
    answer(request_, {"a/1.png": "deer", "3.png": "red fox"})
    manifest = root(request_) / "manifest.csv"
    manifest.unlink() if content is None else manifest.write_bytes(content)
    assert collected(request_) == {"a/1.png": "deer", "3.png": "red fox"}
    assert "manifest.csv" in problems(request_)[0]
    Timelapse().request(request_)
    assert problems(request_) == []
    assert collected(request_) == {"a/1.png": "deer", "3.png": "red fox"}


def test_a_bad_file_beside_a_good_one(request_: Request) -> None:
    Timelapse(annotators=["anna", "bob"]).request(request_)
    for name in ("anna", "bob"):
        answer(request_, {"a/1.png": "deer"}, root(request_) / name)
    bad = root(request_) / "bob" / "TimelapseData.ddb"
    good = bad.read_bytes()
    source = Timelapse(annotators=["anna", "bob"])
    for content, words in [
        (b"", "not a Timelapse template or data file"),
        (b"no database" * 100, "not a database"),
        (good[: len(good) // 2], "Backups"),
        (good[:4096] + b"\xff" * 8192 + good[12288:], "Backups"),
    ]:
        bad.write_bytes(content)
        answers = source.collect(request_)
        assert [label.annotator for label in answers.labels] == ["anna"]
        assert not answers.cleared, "bob's file may have answers"
        (problem,) = answers.problems
        assert problem.file == str(bad)
        assert words in problem.message


def test_damage_that_only_a_check_finds(request_: Request) -> None:
    """In an index, say: the answers can still be read, but not trusted."""
    Timelapse().request(request_)
    answer(request_, {"a/1.png": "deer"})
    ddb = root(request_) / "TimelapseData.ddb"
    db = sqlite3.connect(ddb)
    page, size = (
        db.execute(sql).fetchone()[0]
        for sql in ("SELECT rootpage FROM sqlite_master WHERE name = 'IndexFile'", "PRAGMA page_size")
    )
    db.close()
    content = bytearray(ddb.read_bytes())
    content[(page - 1) * size : page * size] = bytes(size)
    ddb.write_bytes(content)
    assert collected(request_) == {}
    assert "It is damaged" in problems(request_)[0]


def test_a_file_of_an_old_timelapse(request_: Request) -> None:
    Timelapse().request(request_)
    answer(request_, {"a/1.png": "deer"})
    db = sqlite3.connect(root(request_) / "TimelapseData.ddb")
    db.execute("ALTER TABLE ImageSetTable DROP COLUMN VersionCompatabily")
    db.close()
    assert "before 2.3" in problems(request_)[0]


def test_a_program_killed_in_the_middle_of_a_change(request_: Request) -> None:
    Timelapse().request(request_)
    answer(request_, {"a/1.png": "deer"})
    program = Program.open(root(request_) / TEMPLATE)
    program.leave_journal()
    (message,) = problems(request_)
    assert "Open it once in Timelapse" in message
    Program.open(root(request_) / TEMPLATE).close()
    assert collected(request_) == {"a/1.png": "deer"}


def test_answers_that_are_only_in_the_log_beside_the_file(request_: Request) -> None:
    Timelapse().request(request_)
    answer(request_, {"a/1.png": "deer"})
    program = Program.open(root(request_) / TEMPLATE)
    program.leave_wal(program.find("b/1.jpg")[0], "Species", "red fox")
    assert collected(request_) == {"a/1.png": "deer", "b/1.png": "red fox"}


def test_a_locked_file_is_waited_for_and_then_reported(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alframe.formats.timelapse.sqlite.LOCK_TIMEOUT", 0.05)
    Timelapse().request(request_)
    answer(request_, {"a/1.png": "deer"})
    program = Program.open(root(request_) / TEMPLATE)
    with program.hold_lock():
        assert "Another program is using it" in problems(request_)[0]
    with program.hold_lock(exclusive=False):
        assert collected(request_) == {"a/1.png": "deer"}


def test_an_ending_in_capitals_is_read_and_reported(request_: Request) -> None:
    Timelapse().request(request_)
    answer(request_, {"a/1.png": "deer"})
    (root(request_) / "TimelapseData.ddb").rename(root(request_) / "TimelapseData.DDB")
    assert collected(request_) == {"a/1.png": "deer"}
    assert "Rename it to .ddb" in problems(request_)[0]


# Prepared


def suggested(request: Request) -> Request:
    guesses = tuple(Suggestion(name, 0.25 * n) for n, name in enumerate(["red fox", "deer", "red fox", "deer"], 1))
    return replace(request, suggestions=guesses)


def test_a_prepared_set_opens_on_the_images_in_order_with_suggestions_and_keys(request_: Request) -> None:
    request = suggested(request_)
    said = Timelapse(prepare=True).request(request)
    assert "Ctrl+1 blank, Ctrl+2 deer, Ctrl+3 red fox, Ctrl+4 unsure" in said
    program = Program.open(root(request) / TEMPLATE)
    assert not program.created
    assert not program.rebuilt
    assert program.dialogs == []
    assert program.custom, "the saved selection is honoured"
    assert [row["File"] for row in program.shown] == ["1.jpg", "1.jpg", "2.jpg", "3.jpg"]
    assert [row["ALPrediction"] for row in program.shown] == ["red fox", "deer", "red fox", "deer"]
    assert [row["ALConfidence"] for row in program.shown] == ["0.2500", "0.5000", "0.7500", "1.0000"]
    assert {row["Selected"] for row in program.shown} == {"true"}
    assert {row["ALRound"] for row in program.shown} == {"3"}
    (record,) = program.find("b/1.jpg")
    program.quickpaste(3, record)
    assert collected(request) == {"b/1.png": "red fox"}
    program.close()
    assert Program.open(root(request) / TEMPLATE).custom


def test_a_prepared_set_without_suggestions_and_classes(request_: Request) -> None:
    request = replace(request_, classes=())
    Timelapse(prepare=True).request(request)
    program = Program.open(root(request) / TEMPLATE)
    assert program.custom
    assert len(program.shown) == 4


def test_eighteen_keys_for_many_classes(request_: Request) -> None:
    classes = tuple(f"species {letter}" for letter in "abcdefghijklmnopqrstuvwxyz")
    request = replace(request_, classes=classes, suggestions=(Suggestion("species z", 0.5),) * 4)
    said = Timelapse(prepare=True).request(request)
    assert "Ctrl+9 species h, Ctrl+Shift+1 species i" in said
    assert "Ctrl+Shift+8 species z, Ctrl+Shift+9 unsure" in said
    assert len(Program.open(root(request) / TEMPLATE).quickpastes) == 18


def test_a_timelapse_that_is_newer_than_what_we_know(request_: Request) -> None:
    Timelapse().request(request_)
    Program.open(root(request_) / TEMPLATE).close()
    db = sqlite3.connect(root(request_) / "TimelapseData.ddb")
    with db:
        db.execute("UPDATE ImageSetTable SET VersionCompatabily = '2.6.0.0'")
    db.close()
    following = replace(suggested(request_), round=4)
    said = Timelapse(prepare=True).request(following)
    assert "was not prepared" in said
    assert "2.6.0.0" in said
    assert not (root(following) / "TimelapseData.ddb").exists()
    answer(following, {"a/1.png": "deer"})
    assert collected(following) == {"a/1.png": "deer"}


ODD = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=9) | st.binary(max_size=9)
CELLS = ODD | st.sampled_from(["deer", "red fox", "Deer", "dear", "blank", UNSURE, "?", "", " ", "lynx"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=4), field=st.none() | st.text(max_size=9))
def test_no_record_is_too_odd_and_no_label_is_lost(
    request_: Request, rows: list[tuple[object, ...]], field: str | None
) -> None:
    source = Timelapse(annotator_field="ByWhom")
    source.request(request_)
    ddb = root(request_) / "TimelapseData.ddb"
    if not ddb.exists():
        Program.open(root(request_) / TEMPLATE).close()
    db = sqlite3.connect(ddb)
    with db:
        db.execute("DELETE FROM DataTable WHERE Id > 4")
        db.execute("UPDATE DataTable SET Species = 'deer', ByWhom = ? WHERE File = '3.jpg'", (field,))
        names = "File, RelativePath, Species, NewSpecies"
        db.executemany(f"INSERT INTO DataTable ({names}) VALUES (?, ?, ?, ?)", rows)
        db.executemany(f"INSERT INTO DataTable ({names}) VALUES ('1.jpg', 'a', ?, ?)", [row[2:] for row in rows])
    db.close()
    answers = source.collect(request_)
    assert ("3.png", "deer") in {(label.item, label.class_name) for label in answers.labels}
    for row in rows:
        if row[2] in ("deer", "red fox", UNSURE):
            assert ("a/1.png", row[2]) in {(label.item, label.class_name) for label in answers.labels}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    st.binary(max_size=200)
    | st.lists(st.lists(st.text(max_size=5), max_size=5), max_size=5).map(
        lambda rows: "\n".join(["name,id,hash,again", *map(",".join, rows)]).encode("utf-8", "replace")
    )
)
def test_no_manifest_is_too_odd(request_: Request, content: bytes) -> None:
    Timelapse().request(request_)
    if not (root(request_) / "TimelapseData.ddb").exists():
        answer(request_, {"a/1.png": "deer"})
    good = (root(request_) / "manifest.csv").read_bytes()
    (root(request_) / "manifest.csv").write_bytes(content)
    Timelapse().collect(request_)
    Timelapse().request(request_)
    (root(request_) / "manifest.csv").write_bytes(good)
    assert collected(request_) == {"a/1.png": "deer"}


@example(["/", "..", "."])
@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12), max_size=6))
def test_every_name_is_one_that_windows_takes(ids: list[str]) -> None:
    found = images.choose_names(Item(one, Path(one)) for one in dict.fromkeys(ids))
    assert len({images.windows_name_key(name) for name in found.values()}) == len(found)
    for name in found.values():
        for part in name.split("/"):
            assert part == part.rstrip(". ")
            assert not set(part) & set('<>:"\\|?*')
            assert part.split(".")[0].casefold() not in {"con", "nul", "aux", "prn", "com1", "lpt9"}
            assert part.casefold() not in {"backups", "deletedfiles", ".vthumb", "@recycle"}
            assert not part.startswith(".")
        assert name.casefold().endswith(".jpg")


@pytest.mark.parametrize("kind", ["tif", "npy"])
def test_measured_values_become_jpegs_that_can_be_looked_at(tmp_path: Path, kind: str) -> None:
    array = np.random.default_rng(0).integers(500, 900, (20, 30, 11)).astype(np.uint16)
    file = tmp_path / "pool" / f"a.{kind}"
    file.parent.mkdir()
    if kind == "npy":
        np.save(file, array)
    else:
        tifffile.imwrite(file, array, photometric="minisblack", planarconfig="contig")
    request = Request(1, (Item(file.name, file),), ("fox",), tmp_path / "labels")
    Timelapse().request(request)
    assert len(Program.open(root(request) / TEMPLATE).records()) == 1
    with Image.open(root(request) / "a.jpg") as shown:
        assert shown.size == (30, 20)
        assert np.ptp(np.asarray(shown)) > 200


def test_an_export_in_the_folder_is_named_as_long_as_images_have_no_answer(request_: Request) -> None:
    Timelapse().request(request_)
    answer(request_, {"a/1.png": "deer"})
    (root(request_) / "ImageData.csv").write_text("File,RelativePath,Species\n1.jpg,b,red fox\n")
    assert [problem for problem in problems(request_) if "ImageData.csv" in problem and "(.ddb)" in problem]
    answer(request_, {"b/1.png": "deer", "b/2.png": "deer", "3.png": "deer"})
    assert problems(request_) == []
