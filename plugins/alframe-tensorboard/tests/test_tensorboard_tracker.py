"""What TensorBoard itself reads from the files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from alframe_tensorboard.tracker import TensorBoard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import alframe
from alframe.contracts import TracksReport, TracksSettings
from alframe.kit.composite import build_part
from alframe.testing import TrackerSuite, round_record, tiny_overrides, tiny_pool


def read(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    return events.Reload()


def scalars(folder: Path, name: str) -> list[tuple[int, float]]:
    events = read(folder)
    return [(event.step, event.value) for event in events.Scalars(name)] if name in events.Tags()["scalars"] else []


class TestTensorBoard(TrackerSuite):
    make = TensorBoard

    def recorded_rounds(self, folder: Path) -> list[int]:
        return [round(value) for _, value in scalars(folder, "round")]


def test_curves_are_by_labels_and_a_run_that_goes_on_has_no_point_twice(tmp_path: Path) -> None:
    records = [round_record(number, labels=20 * number, accuracy=0.5 + number / 10, audit=0.8) for number in range(4)]
    for begun in (0, 2):
        tracker = TensorBoard()
        tracker.start(tmp_path, records[:begun])
        for record in records[begun : begun + 2]:
            tracker.log(record)
        tracker.close()
    assert [(step, round(value, 6)) for step, value in scalars(tmp_path, "evaluation/accuracy")] == [
        (20 * number, round(0.5 + number / 10, 6)) for number in range(4)
    ]
    images = read(tmp_path).Tags()["images"]
    assert {"evaluation/confusion", "audit/confusion"} <= set(images)


def test_settings_and_report_are_texts(tmp_path: Path) -> None:
    tracker = TensorBoard()
    assert isinstance(tracker, TracksSettings) and isinstance(tracker, TracksReport)
    tracker.track_settings({"settings": {"seed": 7}})
    tracker.start(tmp_path, [])
    tracker.close()
    tracker.track_report(tmp_path / "report.html")
    events = read(tmp_path)
    texts = {tag: events.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in events.Tags()["tensors"]}
    assert (
        json.loads(texts["settings/text_summary"].removeprefix("```json").removesuffix("```"))["settings"]["seed"] == 7
    )
    assert "report.html" in texts["report/text_summary"]


def test_a_campaign_is_tracked(tmp_path: Path) -> None:
    words = [*tiny_overrides(tiny_pool(tmp_path / "pool"), tmp_path / "runs"), "tracker=[console,tensorboard]"]
    assert isinstance(build_part("tracker", alframe.compose(*words).tracker.tensorboard), TensorBoard)
    subprocess.run([sys.executable, "-m", "alframe", *words], cwd=tmp_path, check=True, capture_output=True)
    (project,) = (tmp_path / "runs").glob("*/tensorboard")
    labels = [step for step, _ in scalars(project.parent, "round")]
    assert labels == sorted(set(labels)) and labels[-1] >= 16
    assert len(scalars(project.parent, "evaluation/accuracy")) == len(labels)
