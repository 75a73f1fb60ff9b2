"""Near-duplicates in whole campaigns: of each group one image is asked for, and no label is made up for the others."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alframe.app.api import open_session
from alframe.engine.measuring.audit import AUDIT_BASIS, DEDUPLICATED_AUDIT_BASIS
from alframe.errors import BadParams
from alframe.loop.experiment import list_pool_into_ledger
from alframe.loop.labels import find_standing_labels
from alframe.loop.session import train_on_all_labels
from alframe.store.events import DuplicateCounts
from alframe.store.ledger import Ledger
from alframe.testing.tiny import tiny_overrides, tiny_pool
from alframe.types import Outcome, OutcomeState
from tests.sheets import answer_sheet, sheet_path

ON = "duplicates.by=both"
NONE_HELD_OUT = "holdout.fraction=0"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """36 pictures, each under two names."""
    root = tiny_pool(tmp_path / "images", classes=3, each=12)
    for file in sorted(root.glob("*/*.png")):
        shutil.copy(file, file.parent / f"copy-{file.name}")
    return root


def run(images: Path, folder: Path, *more: str) -> tuple[Outcome, Path]:
    given = {word.partition("=")[0] for word in more}
    given |= {"stopping.labels"} if "stopping" in given else set()
    words = [word for word in tiny_overrides(images, folder) if word.partition("=")[0] not in given]
    with open_session(*words, *more) as session:
        return session.task_to_run.run(session), session.folder


def asked(project: Path) -> list[str]:
    with Ledger.open(project, read_only=True) as ledger:
        items = ledger.items()
        return [items[key].id for one in ledger.stored_rounds() for key in one.keys]


def picture(name: str) -> str:
    return name.replace("copy-", "")


@pytest.mark.parametrize("by", ["hash", "embedding", "both"])
def test_of_two_copies_one_is_asked_for(images: Path, tmp_path: Path, by: str) -> None:
    words = [f"duplicates.by={by}", "duplicates.bits=0", "duplicates.cosine=1e-6", "finetune.start=null"]
    outcome, project = run(images, tmp_path / "runs", *words, "stopping=null", "batch=9", NONE_HELD_OUT)
    names = asked(project)
    assert len(names) == len({picture(name) for name in names}) == 36, "each picture once, and none is left out"
    assert "near-duplicates of others" in outcome.message
    with Ledger.open(project, read_only=True) as ledger:
        assert len(find_standing_labels(ledger.stored_labels())) == 36, "the others have no label"
        assert ledger.history()[-1].unlabelled == 36


def test_without_the_setting_both_are_asked_for(images: Path, tmp_path: Path) -> None:
    names = asked(run(images, tmp_path / "runs", "stopping=null", "batch=36", NONE_HELD_OUT)[1])
    assert len(names) == 2 * len({picture(name) for name in names}) == 72


def test_what_a_held_out_image_shows_is_neither_asked_for_nor_learned_from(images: Path, tmp_path: Path) -> None:
    _, project = run(images, tmp_path / "runs", ON, "stopping=null", "batch=9")
    with Ledger.open(project, read_only=True) as ledger:
        held_out = {picture(item.id) for item in ledger.items() if item.split == "test"}
    assert held_out
    assert not held_out & set(map(picture, asked(project)))
    words = ["label_source=csv", "pool=csv", f"pool.file={images}/list.csv", "pool.label_column=label", ON]
    rows = [f"{file.relative_to(images).as_posix()},{file.parent.name}" for file in sorted(images.glob("*/*.png"))]
    (images / "list.csv").write_text("\n".join(["path,label", *rows]))
    words = [*(word for word in tiny_overrides(images, tmp_path) if not word.startswith("pool")), *words]
    with open_session(*words, f"project={tmp_path / 'known'}") as session:
        fitted = train_on_all_labels(session, list_pool_into_ledger(session))
        items = session.ledger.items()
        held_out = {picture(item.id) for item in items if item.split == "test"}
        learned = {picture(items[key].id) for key in fitted.training_labels.keys.tolist()}
    assert held_out
    assert learned
    assert not held_out & learned


def test_people_with_a_project_from_before_the_setting(
    images: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Two rounds without it, and a cache of a version without hashes; then it is switched on."""
    project = tmp_path / "project"
    words = [f"project={project}", "label_source=csv", "pool.classes=false", "audit=0.3"]
    for number in (1, 2):
        assert run(images, tmp_path, *words)[0].state is OutcomeState.WAITING
        answer_sheet(sheet_path(project, number))
    db = sqlite3.connect(tmp_path / "cache" / "contents.sqlite")
    db.execute("DROP TABLE hash")
    db.close()
    before = asked(project)
    caplog.set_level("INFO")
    for number in (3, 4, 5):
        assert run(images, tmp_path, *words, ON)[0].state is OutcomeState.WAITING
        answer_sheet(sheet_path(project, number))
    assert caplog.text.count("embedded without difference hashes; they are read again") == 1
    assert "36 images were embedded without" in caplog.text, "one of two copies is enough"
    after = asked(project)[len(before) :]
    assert len(after) == 12
    assert len({*map(picture, after)} - {*map(picture, before)}) == 12
    with Ledger.open(project, read_only=True) as ledger:
        bases = [record.audit.basis for record in ledger.history() if record.audit]
        assert bases[-1] == DEDUPLICATED_AUDIT_BASIS != AUDIT_BASIS
        assert ledger.events_of(DuplicateCounts)[-1] == (5, DuplicateCounts(images=36, held_out=0))
    said = run(images, tmp_path, f"project={project}", "task=status")[0].message
    assert "Near-duplicates: 36 pool images are near-duplicates; one image per group is requested." in said
    run(images, tmp_path, f"project={project}", "task=report")
    assert "36 near-duplicates" in (project / "report.html").read_text(encoding="utf-8")


def test_a_run_that_was_stopped_goes_on_as_one_that_was_not(images: Path, tmp_path: Path) -> None:
    whole = asked(run(images, tmp_path / "a", ON)[1])
    for labels in (4, 8, 12, 16, 20):
        folder = tmp_path / "b" / "project"
        run(images, tmp_path / "b", ON, f"project={folder}", f"stopping.labels={labels}")
    assert asked(folder) == whole


def test_images_that_cannot_be_read_are_left_out_as_ever(images: Path, tmp_path: Path) -> None:
    for file in images.glob("class_1/*1.png"):
        file.write_bytes(file.read_bytes()[:60])
    _, project = run(images, tmp_path / "runs", ON, "stopping=null", "batch=12", NONE_HELD_OUT)
    with Ledger.open(project, read_only=True) as ledger:
        items = ledger.items()
        aside = {items[key].id for key in ledger.unreadable_reasons()}
    assert len(aside) == 4
    names = asked(project)
    assert not aside & set(names)
    assert len(names) == len({picture(name) for name in names}) == 34


def test_arrays(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = np.clip(rng.normal(100, 40, (24, 24, 24, 3)) + 60 * (np.arange(24) % 3)[:, None, None, None], 0, 255)
    x = np.repeat(x.astype(np.uint8), 2, axis=0)
    np.savez(tmp_path / "set.npz", x=x, y=np.repeat(np.arange(24) % 3, 2))
    words = [
        "pool=arrays",
        f"pool.file={tmp_path / 'set.npz'}",
        "pool.x=x",
        "pool.y=y",
        "pool.test_x=null",
        "pool.test_y=null",
    ]
    base = [word for word in tiny_overrides(tmp_path, tmp_path / "runs") if not word.startswith(("pool", "stopping"))]
    with open_session(*base, *words, ON, NONE_HELD_OUT, "stopping=null", "batch=8") as session:
        session.task_to_run.run(session)
        rows = [key // 2 for one in session.ledger.stored_rounds() for key in one.keys]
    assert sorted(rows) == list(range(24))


def test_boxes_are_folded_by_what_is_in_them(tmp_path: Path) -> None:
    """Two boxes on the same animal, in frames that differ elsewhere, are near; two animals in one frame are not."""
    rng = np.random.default_rng(0)
    root = tmp_path / "images"
    root.mkdir()
    animals = [
        np.kron(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8), np.ones((10, 10, 1), np.uint8)) for _ in range(12)
    ]
    entries = []
    for number in range(12):
        frame = rng.integers(0, 256, (80, 80, 3), dtype=np.uint8)
        frame[:40, :40], frame[40:, 40:] = animals[number % 6], animals[6 + number % 6]
        Image.fromarray(frame).save(root / f"{number:02d}.png")
        boxes = [[0, 0, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]]
        found = [{"category": "1", "conf": 0.9, "bbox": box} for box in boxes]
        entries.append({"file": f"{number:02d}.png", "detections": found})
    (tmp_path / "md.json").write_text(json.dumps({"detection_categories": {"1": "animal"}, "images": entries}))
    words = [word for word in tiny_overrides(root, tmp_path / "runs") if not word.startswith("pool.classes")]
    more = [f"boxes.file={tmp_path / 'md.json'}", "boxes.use=all", "label_source=csv", ON, "start.labels=24", "audit=0"]
    with open_session(*words, *more) as session:
        session.task_to_run.run(session)
        items = session.ledger.items()
        assert len(items) == 24
        (asked_for,) = session.ledger.stored_rounds()
        shown = {(int(items[key].image_id[:2]) % 6, items[key].box) for key in asked_for.keys}
    assert len(asked_for.keys) == len(shown) == 12


def test_distances_that_fine_tuning_changes_are_refused(images: Path, tmp_path: Path) -> None:
    with pytest.raises(BadParams, match=r"duplicates.by=embedding.*with fine-tuning.*duplicates.by=both"):
        run(images, tmp_path, "duplicates.by=embedding")


@pytest.mark.parametrize(
    ("word", "expected"),
    [("by=content", "hash, embedding, both or null"), ("bits=9", "from 0 to 8"), ("cosine=1.5", "from 0 to below 1")],
)
def test_values_that_cannot_be_are_refused(images: Path, tmp_path: Path, word: str, expected: str) -> None:
    with pytest.raises(BadParams, match=rf"duplicates\.{word}: must be .*{expected}"):
        run(images, tmp_path, f"duplicates.{word}")
