"""Status, export, predict and report, on a project as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alframe.app.api import open_session
from alframe.contracts import Session
from alframe.errors import BadParams, LabelError, StoreError
from alframe.testing.tiny import tiny_overrides, tiny_pool


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pool(tmp_path_factory.mktemp("images"), classes=3, each=12)


@pytest.fixture(scope="module")
def words(images: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Of a project that is done."""
    words = [*tiny_overrides(images, tmp_path_factory.mktemp("runs"))]
    do(*words)
    return words


def do(*words: str) -> str:
    with open_session(*words) as session:
        return session.task_to_run.run(session).message


def folder_of(words: list[str]) -> Path:
    return open_session(*words).folder


def test_status_of_a_finished_project(words: list[str]) -> None:
    message = do(*words, "task=status")
    assert "Labels:   20" in message
    assert "Done." in message


def test_read_only_tasks_leave_nothing_where_there_is_no_project(images: Path, tmp_path: Path) -> None:
    words = tiny_overrides(images, tmp_path / "none")
    for verb in ("status", "report"):
        with pytest.raises(StoreError, match="There is no project in"):
            do(*words, f"task={verb}")
    assert not (tmp_path / "none").exists()


def test_export_writes_what_the_model_says_of_every_image(words: list[str], images: Path) -> None:
    message = do(*words, "task=export")
    export = folder_of(words) / "export"
    assert str(export / "model") in message
    table = pd.read_parquet(export / "predictions.parquet")
    assert len(table) == 36
    assert (table["label"].notna()).sum() == 20
    probs = table[[name for name in table.columns if name.startswith("prob_")]].to_numpy()
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    truth = table["path"].str.split("/").str[0]
    assert (table["prediction"] == truth).mean() > 0.6
    csv = pd.read_csv(export / "predictions.csv")
    assert csv["prediction"].tolist() == table["prediction"].tolist()


def test_predict_says_of_other_images_what_export_said_of_its_own(
    words: list[str], images: Path, tmp_path: Path
) -> None:
    copy = tiny_pool(tmp_path / "new", classes=3, each=12)
    (copy / "class_0" / "bad.jpg").write_bytes(b"no image")
    message = do(*words, "task=predict", f"task.images={copy.as_posix()}", f"task.out={(tmp_path / 'out').as_posix()}")
    assert f"36 images predicted with the model in {folder_of(words) / 'export' / 'model'}" in message
    assert "1 could not be read" in message
    found = pd.read_csv(tmp_path / "out" / "predictions.csv").set_index("path")
    known = pd.read_csv(folder_of(words) / "export" / "predictions.csv").set_index("path")
    assert found["prediction"].to_dict() == known["prediction"].to_dict()
    np.testing.assert_allclose(found["confidence"], known.loc[found.index, "confidence"], atol=1e-5)
    assert pd.read_csv(tmp_path / "out" / "unreadable.csv")["path"].tolist() == ["class_0/bad.jpg"]


def test_predict_needs_images(words: list[str]) -> None:
    with pytest.raises(BadParams, match="images=FOLDER"):
        do(*words, "task=predict")


def test_export_before_there_is_a_model_says_so(images: Path, tmp_path: Path) -> None:
    words = [*tiny_overrides(images, tmp_path), "label_source=csv", "pool.classes=false"]
    do(*words)
    with pytest.raises(LabelError, match="There is no model yet"):
        do(*words, "task=export")


def test_a_finished_run_and_its_report_name_the_same_next_command(images: Path, tmp_path: Path) -> None:
    words = tiny_overrides(images, tmp_path)
    last = do(*words).splitlines()[-1]
    assert "predict images=FOLDER model=" in last
    page = (folder_of(words) / "report.html").read_text(encoding="utf-8")
    assert "predict images=FOLDER model=" in page


def test_the_report_shows_the_project(words: list[str]) -> None:
    do(*words, "task=report")
    page = (folder_of(words) / "report.html").read_text(encoding="utf-8")
    assert "class_0" in page
    assert "data:image/jpeg;base64" in page
    assert "margin" in page


def test_status_of_a_waiting_project_counts_answers_not_yet_collected(images: Path, tmp_path: Path) -> None:
    words = [*tiny_overrides(images, tmp_path), "label_source=csv", "pool.classes=false"]
    do(*words)
    (sheet,) = tmp_path.rglob("to_label.csv")
    text = sheet.read_text(encoding="utf-8-sig").splitlines()
    at = text[0].split(",").index("label")
    cells = text[1].split(",")
    cells[at] = "fox"
    sheet.write_text("\n".join([text[0], ",".join(cells), *text[2:]]), encoding="utf-8")
    message = do(*words, "task=status")
    assert "Labels:   0" in message
    assert "Waiting for labels: 1 of 4 images of round 1" in message


def test_a_task_finds_what_it_needs_in_its_session(words: list[str]) -> None:
    with open_session(*words) as opened:
        session: Session = opened
        items, labels = session.items(), session.labels_by_key()
        assert (len(items), len(labels), session.history()[-1].labels) == (36, 20, 20)
        assert all(label.item == items[key].id for key, label in labels.items())
        assert session.parts.name_of("sampler") == session.recipes["sampler"]["name"]
        features, predictions = session.features(), session.final_predictions()
    assert len(features) == len(predictions.items) == 36
    assert sum(label is not None for label in predictions.labels) == 20
    with open_session(*words, "task=status") as only_read, pytest.raises(StoreError, match="read_only = False"):
        only_read.features()
