"""What Weights & Biases itself has written offline."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alframe_wandb.tracker import Wandb
from wandb.proto.wandb_internal_pb2 import Record

import alframe
from alframe.contracts import TracksReport, TracksSettings
from alframe.errors import BadParams
from alframe.kit.composite import build_part
from alframe.testing import TrackerSuite, round_record

BLOCK, HEADER = 32768, 7  # of the log format of LevelDB, in which runs are kept offline


def records(file: Path) -> Iterator[Any]:
    """Yield the messages in a file of a run."""
    data, position, message = file.read_bytes(), HEADER, b""
    while position + HEADER <= len(data):
        if BLOCK - position % BLOCK < HEADER:
            position += BLOCK - position % BLOCK
            continue
        length, kind = struct.unpack("<HB", data[position + 4 : position + HEADER])
        message += data[position + HEADER : position + HEADER + length]
        position += HEADER + length
        if kind in (1, 4):  # a whole message, or its last part
            yield Record.FromString(message)
            message = b""


def files(folder: Path) -> list[Path]:
    """The files of the project's run, one for each time that it went on."""
    run = json.loads((folder / "wandb.json").read_text(encoding="utf-8"))["run"]
    return sorted(folder.glob(f"wandb/offline-run-*-{run}/*.wandb"), key=lambda file: file.stat().st_mtime_ns)


def logged(folder: Path, name: str) -> list[Any]:
    items = [item for file in files(folder) for record in records(file) for item in record.history.item]
    return [json.loads(item.value_json) for item in items if (item.key or "/".join(item.nested_key)) == name]


class TestWandb(TrackerSuite):
    make = Wandb

    def recorded_rounds(self, folder: Path) -> list[int]:
        """Wait for what the tracker has told: a process of wandb's own writes it, a moment later."""
        told = len(json.loads((folder / "wandb.json").read_text(encoding="utf-8"))["rounds"])
        for _ in range(100):
            values = [round(value) for value in logged(folder, "round")]
            if len(values) >= told:
                break
            time.sleep(0.2)
        return values


def track(folder: Path, before: int, after: int) -> Wandb:
    history = [round_record(number, labels=20 * number, audit=0.8) for number in range(before + after)]
    tracker = Wandb()
    tracker.track_settings({"settings": {"seed": 7}})
    tracker.start(folder, history[:before])
    for record in history[before:]:
        tracker.log(record)
    tracker.close()
    return tracker


def test_a_project_that_goes_on_goes_on_with_its_run(tmp_path: Path) -> None:
    track(tmp_path, 0, 2)
    time.sleep(1.1)  # runs of the same second would have the same folder
    tracker = track(tmp_path, 2, 1)
    assert isinstance(tracker, TracksSettings) and isinstance(tracker, TracksReport)
    assert len({file.name for file in files(tmp_path)}) == 1 and len(files(tmp_path)) == 2
    assert logged(tmp_path, "labels") == [0, 20, 40]
    assert logged(tmp_path, "evaluation/accuracy") == [0.5, 0.5, 0.5]
    configured = {
        item.key: item.value_json for record in records(files(tmp_path)[0]) for item in record.run.config.update
    }
    assert json.loads(configured["settings"]) == {"seed": 7}
    folder = files(tmp_path)[-1].parent / "files"
    assert (folder / "confusion-audit.csv").read_text(encoding="utf-8").splitlines()[1] == "empty,80,20"
    assert list(folder.rglob("*.png"))
    (tmp_path / "report.html").write_text("<p>right</p>", encoding="utf-8")
    time.sleep(1.1)
    tracker.track_report(tmp_path / "report.html")
    assert (files(tmp_path)[-1].parent / "files" / "report.html").read_text(encoding="utf-8") == "<p>right</p>"


def test_it_can_be_chosen() -> None:
    tracker = build_part(
        "tracker", alframe.compose("tracker=[console,wandb]", "tracker.wandb.entity=lab").tracker.wandb
    )
    assert isinstance(tracker, Wandb) and (tracker.entity, tracker.mode) == ("lab", "offline")
    with pytest.raises(BadParams, match="mode=on"):
        Wandb(mode="on")
