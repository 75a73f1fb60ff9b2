"""Cards with a clock that stands still, cameras of one name, and what people type: as a campaign takes them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alframe.app.api import open_session
from alframe.errors import BadParams
from alframe.testing.tiny import tiny_overrides, tiny_pool
from alframe.types import UNSURE, OutcomeState
from tests.sheets import answer_sheet, sheet_path

SPRING = datetime(2024, 5, 1, 6)
STILL = datetime(2000, 1, 1)


def write_pool(root: Path, times: Mapping[str, datetime]) -> Path:
    """A pool of noise, with the times in EXIF."""
    rng = np.random.default_rng(0)
    for name, taken in times.items():
        exif = Image.Exif()
        exif[0x0132] = f"{taken:%Y:%m:%d %H:%M:%S}"
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (32, 32, 3), np.uint8)).save(file, exif=exif)
    return root


def words(pool: Path, project: Path, camera_level: int) -> list[str]:
    kept = (
        word for word in tiny_overrides(pool, project / "runs") if not word.startswith(("pool.class", "label_source"))
    )
    return [
        *(word for word in kept if not word.startswith(("stopping", "batch", "start.labels"))),
        *("label_source=csv", f"project={project.as_posix()}", "propagate=true", "audit=0", "stopping=null"),
        *("batch=4", "start.labels=4", "pool.classes=false", f"pool.camera_level={camera_level}"),
    ]


def answer(project: Path, classes: Mapping[str, str]) -> None:
    answer_sheet(sheet_path(project, 1), lambda at, row: classes[row["path"]])


def labels_after_a_round(pool: Path, project: Path, classes: Mapping[str, str], camera_level: int) -> dict[str, str]:
    """All labels that count, propagated ones included, after the first round is answered."""
    for _ in range(2):
        with open_session(*words(pool, project, camera_level)) as session:
            session.task_to_run.run(session)
            items = session.ledger.items()
            labels = {items[label.item].id: label.class_name for label in session.labels_with_propagated(items)}
        if not labels:
            answer(project, classes)
    return labels


def test_a_label_is_not_given_on_by_a_clock_that_stands_still(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = [f"cam1/IMG_{number:04}.JPG" for number in range(30)]
    pool = write_pool(tmp_path / "pool", dict.fromkeys(names, STILL))
    classes = {name: "fox" if number % 2 else "hare" for number, name in enumerate(names)}
    with caplog.at_level(logging.WARNING):
        labels = labels_after_a_round(pool, tmp_path / "project", classes, camera_level=1)
    assert labels and labels.items() <= classes.items() and len(labels) == 4
    assert "30 images of 1 camera have times at which the camera clock stopped or was reset" in caplog.text


def test_a_begun_project_keeps_its_groups_and_the_spelling_of_its_classes(tmp_path: Path) -> None:
    names = [f"cam1/IMG_{number:04}.JPG" for number in range(12)]
    pool = write_pool(tmp_path / "pool", {name: SPRING + timedelta(hours=at) for at, name in enumerate(names)})
    held_out = write_pool(tmp_path / "held_out", {"red_fox/cam2/IMG_0001.JPG": SPRING})
    given = [*words(pool, tmp_path / "project", camera_level=1), f"pool.test_root={held_out.as_posix()}"]
    for _ in range(2):
        with open_session(*given) as session:
            session.task_to_run.run(session)
        answer(tmp_path / "project", dict.fromkeys(names, "red_fox") | {names[0]: "hare"})
    for more, message in (
        ("holdout.group=camera", "this project has held out images by sequence, which cannot change any more"),
        ("classes=[Red fox,hare]", "'Red fox' is another spelling of 'red_fox', which has labels"),
    ):
        with open_session(*given, more) as session, pytest.raises(BadParams, match=message):
            session.task_to_run.run(session)
    with open_session(*given, "classes=[red_fox,lynx]") as session:
        session.task_to_run.run(session)


def test_a_project_that_holds_nothing_out_may_change_its_groups(tmp_path: Path) -> None:
    pool = write_pool(tmp_path / "pool", {f"cam1/IMG_{number:04}.JPG": SPRING for number in range(6)})
    for group in ("sequence", "camera"):
        given = words(pool, tmp_path / "project", camera_level=1)
        with open_session(*given, f"holdout.group={group}") as session:
            assert session.task_to_run.run(session).state is OutcomeState.WAITING


def test_a_label_stays_at_its_place_though_another_has_a_camera_of_the_same_name(tmp_path: Path) -> None:
    times = {
        f"{place}/cam1/IMG_{number:04}.JPG": SPRING + timedelta(hours=number // 4, seconds=2 * (number % 4) + by)
        for place, by in (("A", 0), ("B", 1))
        for number in range(8)
    }
    classes = {name: "fox" if name.startswith("A") else "hare" for name in times}
    labels = labels_after_a_round(write_pool(tmp_path / "pool", times), tmp_path / "project", classes, camera_level=2)
    assert len(labels) == 16, "one of each burst was asked for"
    assert labels == classes


def test_a_simulation_asks_for_no_image_whose_label_is_no_class(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pool = tiny_pool(tmp_path / "pool", classes=2, each=6)
    for old, new in (("class_0/000.png", "Class_0/000.png"), ("class_0/001.png", "class_0, class_1/001.png")):
        (pool / new).parent.mkdir()
        (pool / old).rename(pool / new)
    with (
        caplog.at_level(logging.WARNING),
        open_session(*tiny_overrides(pool, tmp_path / "runs"), "holdout.fraction=0") as session,
    ):
        outcome = session.task_to_run.run(session)
        items = session.ledger.items()
        labels = {items[label.item].id: label.class_name for label in session.decided_labels().counted}
    assert outcome.state is OutcomeState.DONE and len(labels) == 11
    assert labels["Class_0/000.png"] == "class_0" and set(labels.values()) == {"class_0", "class_1"}
    assert "'Class_0' (1 images) as 'class_0'" in caplog.text
    assert (
        "1 images count as unlabelled" in caplog.text and "gives several classes ('class_0', 'class_1')" in caplog.text
    )


def test_what_people_type_is_a_class_or_a_problem(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = [f"cam1/IMG_{number:04}.JPG" for number in range(4)]
    pool = write_pool(tmp_path / "pool", {name: SPRING + timedelta(hours=at) for at, name in enumerate(names)})
    typed = dict(zip(names, ["\u200bfox ", "fox, hare", "#N/A", "unsure"], strict=True))
    with caplog.at_level(logging.WARNING):
        labels = labels_after_a_round(pool, tmp_path / "project", typed, camera_level=1)
    assert labels == {names[0]: "fox"}
    assert UNSURE not in labels.values()
    assert "'fox, hare' gives several classes ('fox', 'hare'), but an image has one" in caplog.text
    assert "'#N/A' is the error of a spreadsheet formula" in caplog.text
