"""What MLflow itself has in its store."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from alframe_mlflow.tracker import Mlflow
from mlflow import MlflowClient

import alframe
from alframe.contracts import TracksReport, TracksSettings
from alframe.kit.composite import build_part
from alframe.testing import TrackerSuite, round_record, tiny_overrides, tiny_pool


def client(folder: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{(folder / 'mlflow.db').as_posix()}")


def runs(folder: Path) -> list[Any]:
    experiment = client(folder).get_experiment_by_name("alframe")
    return list(client(folder).search_runs([experiment.experiment_id]))


def metric(folder: Path, name: str) -> list[tuple[int, float]]:
    (run,) = runs(folder)
    return [(point.step, point.value) for point in client(folder).get_metric_history(run.info.run_id, name)]


class TestMlflow(TrackerSuite):
    make = Mlflow

    def recorded_rounds(self, folder: Path) -> list[int]:
        return [round(value) for _, value in metric(folder, "round")]


def track(folder: Path, tracker: Mlflow, before: int, after: int) -> None:
    records = [round_record(number, labels=20 * number, audit=0.8) for number in range(before + after)]
    tracker.track_settings({"settings": {"seed": 7, "classes": ["a", "ü"]}, "recipes": {"head": {"name": "auto"}}})
    tracker.start(folder, records[:before])
    for record in records[before:]:
        tracker.log(record)
    tracker.close()


def test_a_project_that_goes_on_goes_on_with_its_run(tmp_path: Path) -> None:
    track(tmp_path, Mlflow(), 0, 2)
    (first,) = runs(tmp_path)
    track(tmp_path, Mlflow(), 2, 1)
    (run,) = runs(tmp_path)
    assert run.info.run_id == first.info.run_id and run.info.status == "FINISHED"
    assert metric(tmp_path, "evaluation/accuracy") == [(0, 0.5), (20, 0.5), (40, 0.5)]
    assert run.data.params["settings.seed"] == "7" and run.data.params["recipes.head.name"] == "auto"
    assert json.loads(run.data.params["settings.classes"]) == ["a", "ü"]


def test_rounds_that_were_never_finished_begin_a_new_run(tmp_path: Path) -> None:
    track(tmp_path, Mlflow(), 0, 3)
    (first,) = runs(tmp_path)
    track(tmp_path, Mlflow(), 1, 1)
    (second,) = runs(tmp_path)
    assert second.info.run_id != first.info.run_id
    assert client(tmp_path).get_run(first.info.run_id).info.lifecycle_stage == "deleted"
    assert [step for step, _ in metric(tmp_path, "round")] == [0, 20]


def test_confusion_matrices_settings_and_report_are_artifacts(tmp_path: Path) -> None:
    tracker = Mlflow()
    assert isinstance(tracker, TracksSettings) and isinstance(tracker, TracksReport)
    track(tmp_path, tracker, 0, 2)
    (tmp_path / "report.html").write_text("<p>right</p>", encoding="utf-8")
    tracker.track_report(tmp_path / "report.html")
    (run,) = runs(tmp_path)
    store = client(tmp_path)
    assert {file.path for file in store.list_artifacts(run.info.run_id)} == {
        "confusion",
        "report.html",
        "settings.json",
    }
    file = store.download_artifacts(run.info.run_id, "confusion/audit-round-0001.csv", str(tmp_path))
    assert Path(file).read_text(encoding="utf-8").splitlines() == [
        "true \\ predicted,empty,übersehen",
        "empty,80,20",
        "übersehen,20,80",
    ]
    report = store.download_artifacts(run.info.run_id, "report.html", str(tmp_path / "confusion"))
    assert Path(report).read_text(encoding="utf-8") == "<p>right</p>"


def test_several_projects_in_one_store(tmp_path: Path) -> None:
    store = f"sqlite:///{(tmp_path / 'mlflow.db').as_posix()}"
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        track(tmp_path / name, Mlflow(store=store), 0, 1)
    assert {run.info.run_name for run in runs(tmp_path)} == {"one", "two"}


def test_a_campaign_is_tracked(tmp_path: Path) -> None:
    words = [*tiny_overrides(tiny_pool(tmp_path / "pool"), tmp_path / "runs"), "tracker=[console,mlflow]"]
    assert isinstance(build_part("tracker", alframe.compose(*words).tracker.mlflow), Mlflow)
    subprocess.run([sys.executable, "-m", "alframe", *words], cwd=tmp_path, check=True, capture_output=True)
    (store,) = (tmp_path / "runs").glob("*/mlflow.db")
    (run,) = runs(store.parent)
    assert run.data.params["recipes.sampler.name"]
    assert "report.html" in {file.path for file in client(store.parent).list_artifacts(run.info.run_id)}
