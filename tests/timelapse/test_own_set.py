"""People keep one Timelapse set: what they import gives no warning and changes nothing else, and no flag is stale."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from alframe.label_sources.timelapse.set_source import TimelapseSet
from alframe.types import Item, Request
from tests.timelapse.conftest import picture
from tests.timelapse.csv_io import Preferences, parse
from tests.timelapse.lab import Lab, own_template, path_of
from tests.timelapse.people import TDB, Campaign, trap_images, words
from tests.timelapse.simulator import Timelapse

WRITTEN = {"Selected", "ALRound", "ALPrediction", "ALConfidence"}


def lab_with_set(tmp_path: Path, *more: str, each: int = 5) -> tuple[Lab, Timelapse]:
    """A pool whose folder is the user's set, opened in Timelapse once."""
    images = tmp_path / "images"
    lab = Lab(tmp_path, "label_source=timelapse_set", f"label_source.set={images.as_posix()}", *more, each=each)
    own_template(images)
    return lab, Timelapse.open(images / TDB)


def changes(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Image -> the cells that are new."""
    assert [row["Id"] for row in before] == [row["Id"] for row in after]
    return {
        path_of(new): changed
        for old, new in zip(before, after, strict=True)
        if (changed := {name: new[name] for name in new if new[name] != old[name]})
    }


def take(timelapse: Timelapse, asked: set[str], number: int) -> None:
    """Import the CSV that is proposed; no warning, and nothing is changed that should not be."""
    before = timelapse.records()
    result = timelapse.import_csv()
    assert result.imported and result.problems == []
    after = timelapse.records()
    changed = changes(before, after)
    assert all(cells.keys() <= WRITTEN for cells in changed.values())
    was = {path_of(row) for row in before if row["Selected"] == "true"}
    assert changed.keys() == asked | was, "changed rows only"
    assert {path_of(row) for row in after if row["Selected"] == "true"} == asked, "no flag is stale"
    assert {row["ALRound"] for row in after if path_of(row) in asked} == {str(number)}


def test_rounds_in_one_set_read_from_its_data_file(tmp_path: Path) -> None:
    lab, timelapse = lab_with_set(tmp_path, "enough=0.5", "classes=[boar,deer,fox]")
    dice = random.Random(1)
    entered: dict[str, str] = {}
    for number in range(1, 4):
        said = lab.run()
        assert lab.rounds() == number, said
        asked = set(lab.asked(number))
        take(timelapse, asked, number)
        if number == 1:
            timelapse.select(Selected="true")
        assert {path_of(row) for row in timelapse.shown} == asked, "the next batch shows by itself"
        for row in timelapse.shown:
            roll = dice.random()
            if roll < 0.2 and len(entered) % 4:
                continue
            entered[path_of(row)] = "unsure" if roll < 0.3 else lab.truth[path_of(row)]
            timelapse.set(row["Id"], "Species", entered[path_of(row)])
        if number == 2:  # a correction, and the camera's clock is put right: neither may be undone
            first = next(path for path, name in entered.items() if name != "unsure")
            entered[first] = "blank"
            timelapse.label(first, "blank")
            for row in timelapse.records()[:3]:
                timelapse.set(row["Id"], "DateTime", "2023-01-01 00:00:00")
        timelapse.close()
        timelapse = Timelapse.open(timelapse.ddb)
        assert timelapse.custom
        lab.run("task=label")
        assert lab.labels() == {path: [name] for path, name in entered.items()}
    lab.run()
    assert {row["DateTime"] for row in timelapse.records()[:3]} == {"2023-01-01 00:00:00"}


VARIANTS = [
    Preferences(datetime, space_before, root_folder)
    for datetime in ("space", "T", "columns")
    for space_before in (True, False)
    for root_folder in (True, False)
]


@pytest.mark.parametrize("levels", [0, 3])
def test_exports_of_every_form_are_read(tmp_path: Path, levels: int) -> None:
    """Somebody labels a copy of the set elsewhere and sends the CSV; images lie in none to three folders."""
    images, elsewhere = tmp_path / "images", tmp_path / "elsewhere"
    given = {
        **{"root.jpg": "None", "001/IMG_1.JPG": "007", "001/IMG_2.JPG": "red fox, old"},
        **{"Süd/a, b/IMG_1.JPG": "unsure", "Süd/a, b/c/IMG 4.jpg": "boar"},
    }
    for name in given:
        picture(images / name)
    editor = own_template(images, species=("None", "007", "red fox, old", "boar", "unsure"))
    for level in range(levels):
        editor.level(f"Level {level}")
    Timelapse.open(images / TDB).close()
    shutil.copytree(images, elsewhere)
    timelapse = Timelapse.open(elsewhere / TDB)
    for name, species in given.items():
        timelapse.label(name, species)
        timelapse.set(timelapse.find(name)[0], "Camera", 'the "old", one')
    timelapse.set(timelapse.duplicate(timelapse.find("root.jpg")[0]), "Species", "boar")
    wanted = sorted([*given.items(), ("root.jpg", "boar")])
    items = tuple(Item(name, images / name) for name in given)
    request = Request(1, items, ("None", "007", "red fox, old", "boar"), tmp_path / "to_label")
    for number, preferences in enumerate(VARIANTS):
        export = timelapse.export_csv(tmp_path / f"{number}.csv", **asdict(preferences))
        lengths = {len(row) for row in parse(export.read_text("utf-8"))}
        assert (len(lengths) > 1) == (levels > 0), "rows are too short where there are fewer folders than levels"
        answers = TimelapseSet(str(images), exports=[str(export)]).collect(request)
        assert answers.problems == [], preferences
        assert sorted((label.item, label.class_name) for label in answers.labels) == wanted, preferences
        assert all(label.file == str(export) and label.row and label.answer_file_hash for label in answers.labels)


def test_the_import_of_a_name_that_lies_in_the_root_too_is_refused(tmp_path: Path) -> None:

    names = ["IMG_1.JPG", "A/IMG_1.JPG", "IMG_2.JPG"]
    for name in names:
        picture(tmp_path / "images" / name)
    own_template(tmp_path / "images")
    timelapse = Timelapse.open(tmp_path / "images" / TDB)
    items = tuple(Item(name, tmp_path / "images" / name) for name in (names[0], names[2]))
    said = TimelapseSet(str(timelapse.root)).request(Request(1, items, ("boar",), tmp_path / "to_label"))
    assert "IMG_1.JPG" in said and "by hand" in said
    assert timelapse.import_csv().problems == []
    assert [path_of(row) for row in timelapse.records() if row["Selected"] == "true"] == ["IMG_2.JPG"]


def test_duplicates_are_selected_with_their_image(tmp_path: Path) -> None:
    lab, timelapse = lab_with_set(tmp_path, "classes=[boar,deer,fox]")
    for row in timelapse.records():
        timelapse.duplicate(row["Id"], values=False)
    lab.run()
    take(timelapse, set(lab.asked(1)), 1)
    selected = [path_of(row) for row in timelapse.records() if row["Selected"] == "true"]
    assert sorted(selected) == sorted([*lab.asked(1)] * 2)


def test_after_a_restart_and_half_a_batch_the_same_are_selected(tmp_path: Path) -> None:
    lab, timelapse = lab_with_set(tmp_path, "classes=[boar,deer,fox]")
    lab.run()
    asked = set(lab.asked(1))
    take(timelapse, asked, 1)
    for name in sorted(asked)[:2]:
        timelapse.label(name, lab.truth[name])
    lab.run()
    lab.run()
    if timelapse.ddb.with_suffix(".csv").exists():
        before = timelapse.records()
        assert timelapse.import_csv().problems == []
        assert timelapse.records() == before
    for name in sorted(asked)[2:]:
        timelapse.label(name, lab.truth[name])
    lab.run()
    take(timelapse, set(lab.asked(2)), 2)


@pytest.mark.parametrize("corrected", [1, 2])
def test_records_of_one_image_are_imported_together(tmp_path: Path, corrected: int) -> None:
    """Rows are paired with the records of an image in their order: one alone would change another record."""
    lab, timelapse = lab_with_set(tmp_path, "classes=[boar,deer,fox]")
    lab.run()
    asked = set(lab.asked(1))
    take(timelapse, asked, 1)
    first = sorted(asked)[0]
    records = [timelapse.find(first)[0], timelapse.duplicate(timelapse.find(first)[0], values=False)]
    timelapse.set(records[corrected - 1], "DateTime", "2020-02-02 02:02:02")
    before = {row["Id"]: row["DateTime"] for row in timelapse.records()}
    for row in timelapse.records():
        if path_of(row) in asked:
            timelapse.set(row["Id"], "Species", lab.truth[path_of(row)])
    lab.run()
    result = timelapse.import_csv()
    assert result.imported and result.problems == []
    assert {row["Id"]: row["DateTime"] for row in timelapse.records()} == before
    assert {path_of(row) for row in timelapse.records() if row["Selected"] == "true"} == set(lab.asked(2))


def test_an_old_doubt_is_not_taken_for_the_answer_to_a_new_request(tmp_path: Path) -> None:
    """The cell of the round before still says so: such an image is not asked for again, but counts when it changes."""
    lab, timelapse = lab_with_set(tmp_path, "classes=[boar,deer,fox]", "reask=1", each=3)
    doubted: list[str] = []
    for number in range(1, 4):
        said = lab.run()
        assert f"0 of 4 images of round {number} are answered" in said
        doubted += lab.asked(number)
        for name in lab.asked(number):
            timelapse.label(name, "unsure")
    assert "requested without an answer" in lab.run()
    assert len(set(doubted)) == len(doubted) == len(lab.truth)
    timelapse.label(doubted[0], "fox")
    lab.run()
    assert lab.labels()[doubted[0]] == ["fox"]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a POSIX signal")
def test_ten_rounds_in_one_set_with_kills(tmp_path: Path) -> None:
    images, project = tmp_path / "images", tmp_path / "project"
    truth = trap_images(images, 16, suffixes=("jpg", "JPG"))
    own_template(images)
    timelapse = Timelapse.open(images / TDB)
    more = ["label_source=timelapse_set", f"label_source.set={images.as_posix()}", "enough=0.5", "reask=null"]
    campaign = Campaign(words(images, project, *more, "classes=[boar,deer,fox]"), project)
    dice = random.Random(1)
    entered: dict[str, str] = {}
    for number in range(1, 11):
        for _ in range(3 if number > 1 else 0):
            campaign.kill()
        said = campaign.run()
        assert f"round {number}" in said, said
        assert timelapse.import_csv().problems == []
        batch = [row for row in timelapse.records() if row["Selected"] == "true"]
        assert len(batch) == 4 and {row["ALRound"] for row in batch} == {str(number)}
        for at, row in enumerate(batch):
            roll = dice.random()
            if at < 2 or roll < 0.7:
                entered[path_of(row)] = "unsure" if roll < 0.2 else truth[path_of(row)]
                timelapse.set(row["Id"], "Species", entered[path_of(row)])
            if at == 0:
                campaign.kill()
        if number % 3 == 0:
            changed = dice.choice(sorted(entered))
            entered[changed] = truth[changed]
            timelapse.label(changed, truth[changed])
    campaign.run()
    standing: dict[str, set[str]] = {}
    for (item, _), answers in campaign.standing().items():
        standing.setdefault(item, set()).update(name for name, _ in answers)
    assert standing == {item: {name} for item, name in entered.items()}
    assert campaign.kills >= 20
