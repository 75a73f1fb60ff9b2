"""What trackers share."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

from alframe.kit.tracking import TrackedRun, confusion_csv, confusion_figure, flatten_settings, round_metrics
from alframe.testing import round_record

ROUNDS = [round_record(number, labels=20 * number, audit=0.8) for number in range(4)]


def test_every_finite_number_of_a_round_has_a_name() -> None:
    metrics = round_metrics(replace(ROUNDS[2], seconds={"fit": math.nan, "select": 1.5}))
    assert metrics["labels"] == 40 and metrics["round"] == 2 and metrics["classes"] == 2
    assert metrics["evaluation/accuracy"] == 0.5 and metrics["audit/low"] == 0.74
    assert metrics["seconds/select"] == 1.5 and "seconds/fit" not in metrics
    assert "evaluation/log_loss" not in metrics, "it was not measured"
    assert not [name for name in round_metrics(round_record(0, accuracy=None)) if name.startswith("evaluation")]


def test_settings_are_named_as_on_the_command_line() -> None:
    settings = {"seed": 3, "finetune": {"start": None}, "classes": ["a", "ü"], "pool": {"boxes": {"use": "all"}}}
    assert flatten_settings(settings) == {
        "seed": 3,
        "finetune.start": None,
        "classes": '["a", "ü"]',
        "pool.boxes.use": "all",
    }


def test_the_confusion_matrix_as_a_table_and_as_a_picture() -> None:
    evaluation = ROUNDS[0].audit
    assert evaluation is not None
    table = list(csv.reader(confusion_csv(evaluation).splitlines()))
    assert table[0][1:] == ["empty", "übersehen"] and table[1] == ["empty", "80", "20"]
    (axes, _) = confusion_figure(evaluation).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["empty", "übersehen"]
    assert axes.images[0].get_array().sum(axis=1).tolist() == [1, 1]


def test_a_run_goes_on_only_if_the_project_has_all_that_it_was_told(tmp_path: Path) -> None:
    file = tmp_path / "service.json"
    run = TrackedRun(file)
    assert run.resume(ROUNDS[:1]) == ROUNDS[:1] and run.id is None
    run.begin("first")
    for record in ROUNDS[:2]:
        run.add(record)
    again = TrackedRun(file)
    assert again.resume(ROUNDS[:3]) == ROUNDS[2:3] and again.id == "first"
    for history in (ROUNDS[:1], [ROUNDS[0], ROUNDS[3]]):
        lost = TrackedRun(file)
        assert lost.resume(history) == history and lost.id is None and lost.stored_id() == "first"
    file.write_text("{", encoding="utf-8")
    assert TrackedRun(file).resume(ROUNDS) == ROUNDS
