"""What people or the pool have said is exported as said: held out or not, in the pool or gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from alframe.app.api import open_session
from alframe.store.ledger import Ledger
from alframe.testing.tiny import tiny_overrides, tiny_pool


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Of a campaign by people on a pool that knows the class of each image, and in which a third is held out."""
    images = tiny_pool(tmp_path / "images", classes=3, each=12)
    deployments = "deploymentID,latitude,longitude,deploymentStart,deploymentEnd\n" + "".join(
        f"class_{number},1,1,2020-01-01T00:00:00Z,2030-01-01T00:00:00Z\n" for number in range(3)
    )
    (tmp_path / "deployments.csv").write_text(deployments, encoding="utf-8")
    exporter = {
        "deployments": tmp_path / "deployments.csv",
        "timezone": "Africa/Nairobi",
        "title": "Foxes",
        "contributors": "[Anna]",
        "sampling_design": "opportunistic",
        "capture_method": "[activityDetection]",
        "names": "{class_0: Vulpes vulpes, class_1: Lynx lynx}",
        "human": "[class_2]",
    }
    return [
        *tiny_overrides(images, tmp_path / "runs"),
        f"project={tmp_path / 'season'}",
        "label_source=csv",
        "holdout.fraction=0.33",
        "sequences.times=file",
        "sequences.gap=null",
        "exporter=[predictions,camtrap_dp]",
        *(f"exporter.camtrap_dp.{key}={value}" for key, value in exporter.items()),
        "task=export",
    ]


def export(words: list[str], folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of predictions and of observations, by image."""
    with open_session(*words) as session:
        session.task_to_run.run(session)
    table = pd.read_parquet(folder / "season" / "export" / "predictions.parquet").set_index("path")
    observations = pd.read_csv(folder / "season" / "export" / "camtrap-dp" / "observations.csv")
    return table, observations.set_index("observationID")


def test_held_out_images_keep_the_label_of_the_pool(words: list[str], tmp_path: Path) -> None:
    table, observations = export(words, tmp_path)
    truth = table.index.str.split("/").str[0]
    with Ledger.open(tmp_path / "season", read_only=True) as ledger:
        held_out = [item.id for item in ledger.items() if item.split == "test"]
    assert 8 < len(held_out) < 16
    assert (table["label"] == truth).all()
    assert (observations["classificationMethod"] == "human").all()
    assert (observations["observationType"] == ["human" if name == "class_2" else "animal" for name in truth]).all()


def test_an_image_that_has_left_the_pool_keeps_its_label(words: list[str], tmp_path: Path) -> None:
    before, _ = export(words, tmp_path)
    gone = ["class_0/003.png", "class_2/005.png"]
    for name in gone:
        (tmp_path / "images" / name).unlink()
    table, observations = export(words, tmp_path)
    assert sorted(table.index) == sorted(before.index)
    assert table.loc[gone, "label"].tolist() == ["class_0", "class_2"]
    assert table.loc[gone, "prediction"].notna().all(), "its embedding is still there"
    assert (observations.loc[gone, "classificationMethod"] == "human").all()
    shutil.rmtree(tmp_path / "season" / "cache")
    table, _ = export(words, tmp_path)
    assert table.loc[gone, "label"].tolist() == ["class_0", "class_2"]
    assert table.loc[gone].filter(regex="prediction|confidence|prob_").isna().all(axis=None), "nobody can see it"
    assert table.drop(gone)["prediction"].notna().all()


def test_a_simulation_reveals_no_more_than_was_asked(words: list[str], tmp_path: Path) -> None:
    simulated = [word for word in words if "label_source" not in word and "camtrap" not in word]
    with open_session(*simulated, "label_source=simulated", "task=run") as session:
        session.task_to_run.run(session)
    table = pd.read_parquet(tmp_path / "season" / "export" / "predictions.parquet")
    assert table["label"].notna().sum() == 20
