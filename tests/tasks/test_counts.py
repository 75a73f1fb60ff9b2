"""Counts add up, and messages say what is so: status, report and run on a campaign of people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from alframe.stopping.budget import Budget
from alframe.testing.records import round_record
from alframe.testing.tiny import tiny_pool
from tests.command_line import CommandLine, alframe
from tests.sheets import Row, answer_sheet, sheet_path, top_folder

__all__ = ["alframe"]
SMALL = [
    *("pool=folder", "pool.root=pool", "label_source=csv", "project=p", "batch=6", "start.labels=6"),
    *("backbone=timm", "backbone.model=test_resnet", "backbone.pretrained=false", "backbone.size=32"),
    "compute.workers=0",
]


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """18 images, and one that cannot be read."""
    root = tiny_pool(tmp_path / "pool", classes=3, each=6)
    (root / "class_0" / "bad.jpg").write_bytes(b"no image")
    return root


def answer(project: Path, number: int, answers: Mapping[int, str | None]) -> list[str]:
    """Answer rows of a round, with the class of their folder for None; return the paths of all rows."""

    def answer_row(at: int, row: Row) -> str:
        said = answers.get(at, row["label"])
        return top_folder(row) if said is None else said

    return answer_sheet(sheet_path(project, number), answer_row)


def counted(status: str) -> dict[str, int]:
    """The parts of the pool in the line of images, after a check that they add up."""
    (line,) = re.findall(r"^Images:   ([^;]+);.* 0 held out for testing$", status, re.MULTILINE)
    total, _, parts = line.partition(" in the pool = ")
    found = {match[2]: int(match[1]) for match in re.finditer(r"(\d+) ([^+]+?)(?= \+ |$)", parts)}
    assert sum(found.values()) == int(total), line
    return found


def report_of(project: Path) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", (project / "report.html").read_text(encoding="utf-8")))


def test_every_image_is_counted_once_whatever_happens(alframe: CommandLine, pool: Path, tmp_path: Path) -> None:
    project = tmp_path / "p"
    assert "There are no classes yet" in alframe(*SMALL).out
    unread, rest = "that cannot be read", "never requested"
    waiting, later = "requested and not answered yet", "answered, to be read by the next run"
    assert counted(alframe("status", "project=p").out) == {waiting: 6, unread: 1, rest: 12}

    answer(project, 1, {0: None, 1: None, 2: "unsure", 3: None})
    assert counted(alframe("status", "project=p").out) == {later: 4, waiting: 2, unread: 1, rest: 12}
    again = alframe("project=p").out
    assert "There are no classes yet" not in again
    assert "Classes named so far: class_" in again
    found = {"labelled": 3, "unsure": 1, waiting: 2, unread: 1, rest: 12}
    assert counted(alframe("status", "project=p").out) == found

    assert alframe("withdraw", "project=p").code == 0
    assert alframe("report", "project=p").code == 0
    text = report_of(project)
    assert "Round 1 was withdrawn: 4 of its 6 images were answered by then." in text
    assert "All answers are in" not in text
    in_vain = "requested without an answer"
    found = {"labelled": 3, "unsure": 1, unread: 1, in_vain: 2, rest: 12}
    assert counted(alframe("status", "project=p").out) == found
    assert "19 images in the pool: " + " ".join(f"{count} {where}" for where, count in found.items()) in text

    asked = answer(project, 1, {0: ""})
    (pool / next(path for path in _images(pool) if path not in asked)).unlink()
    (pool / asked[1]).unlink()
    assert alframe("project=p").code == 0
    status = alframe("status", "project=p").out
    after = counted(status)
    assert (sum(after.values()), after["labelled"], after[in_vain]) == (17, 1, 3), "17 files are left in the folder"
    gone = "2 more no longer in its listing, 1 of them labelled"
    assert f"; {gone}; 0 held out" in status
    assert alframe("report", "project=p").code == 0
    assert gone in report_of(project)


def _images(pool: Path) -> list[str]:
    return [file.relative_to(pool).as_posix() for file in sorted(pool.glob("*/*.png"))]


def test_done_only_names_results_that_there_are(alframe: CommandLine, pool: Path, tmp_path: Path) -> None:
    alframe(*SMALL, "start.labels=18")
    answer(tmp_path / "p", 1, dict.fromkeys(range(18), "class_0"))  # one class: there is no model
    done = alframe("project=p")
    assert "No images are left to request" in done.out
    status = alframe("status", "project=p").out
    assert "Done. Nothing was exported" in status
    assert "The results are in" not in status


def test_a_budget_that_is_met_is_not_said_twice() -> None:
    assert Budget(60).decide([round_record(1, 60)]) == "The budget of 60 labels is used up."
    assert Budget(60).decide([round_record(1, 63)]) == "The budget of 60 labels is used up: there are 63."


def test_a_folder_without_a_project_names_no_other(alframe: CommandLine) -> None:
    for verb in ("status", "report", "label"):
        finished = alframe(verb)
        text = finished.out + finished.err
        assert "There is no project" in text
        assert "digits" not in text


def test_audited_images_without_a_label_are_named(alframe: CommandLine, pool: Path, tmp_path: Path) -> None:
    alframe(*SMALL, "audit=1")
    paths = answer(tmp_path / "p", 1, {at: None for at in range(6) if at != 3})
    assert "without a label" not in alframe("status", "project=p").out, "the round is still open"
    alframe("project=p", "enough=0.5")
    assert f"Images drawn at random without a label: 1\n  {paths[3]}" in alframe("status", "project=p").out


def test_images_added_after_the_last_draw_are_named_until_a_round_includes_them(
    alframe: CommandLine, pool: Path, tmp_path: Path
) -> None:
    words = ["project=p", "audit=1", "stopping.labels=12", "exporter=predictions"]
    alframe(*SMALL, *words)
    answer(tmp_path / "p", 1, dict.fromkeys(range(6)))
    alframe("project=p")
    answer(tmp_path / "p", 2, dict.fromkeys(range(6)))
    ended = alframe("project=p").out
    assert "In the whole pool of 18 images" in ended and "added to the pool" not in ended
    for number in range(2):
        (pool / "class_1" / f"season-2-{number}.png").write_bytes(
            (pool / "class_1" / "000.png").read_bytes() + b"%d" % number
        )
    (pool / "class_1" / "season-2-bad.png").write_bytes(b"no image, which no estimate will include")
    said = (
        "2 images were added to the pool after round 2 was chosen. The estimates for the pool include them as soon as"
    )
    assert said in alframe("project=p").out and said in alframe("status", "project=p").out
    assert said in report_of(tmp_path / "p")
    alframe("project=p", "stopping.labels=18")
    answer(tmp_path / "p", 3, dict.fromkeys(range(6)))
    assert "added to the pool" not in alframe("project=p").out


def test_nothing_was_added_to_a_project_whose_last_image_cannot_be_read(
    alframe: CommandLine, pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pool / "class_2" / "last.jpg").write_bytes(b"no image")
    with monkeypatch.context() as patch:  # earlier versions recorded nothing of images behind the last one to draw
        patch.setattr(np, "pad", lambda strata, _: strata)
        alframe(*SMALL, "audit=1", "stopping.labels=6")
    answer(tmp_path / "p", 1, dict.fromkeys(range(6)))
    assert "added to the pool" not in alframe("project=p").out


def test_test_images_without_a_class_are_named(alframe: CommandLine, pool: Path, tmp_path: Path) -> None:
    tiny_pool(tmp_path / "other", classes=1, each=3)
    alframe(*SMALL, "pool.test_root=other")
    answer(tmp_path / "p", 1, dict.fromkeys(range(6)))
    assert "The 3 images that are kept for testing have no class." in alframe("project=p").err
