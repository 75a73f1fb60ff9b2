"""The console table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from alframe.engine.measuring.evaluate import evaluate_probs
from alframe.testing.records import round_record
from alframe.testing.tracker import TrackerSuite
from alframe.trackers.console import Console


class TestConsole(TrackerSuite):
    make = Console


def shown(capsys, folder, history, records):
    tracker = Console()
    tracker.start(folder, history)
    for record in records:
        tracker.log(record)
    tracker.close()
    return capsys.readouterr().out.splitlines()


def test_one_heading_and_a_row_a_round(capsys, tmp_path):
    out = shown(capsys, tmp_path, [], [round_record(n, labels=20 * n, accuracy=n and 0.9) for n in range(1, 4)])
    assert [line.split()[0] for line in out] == ["round", "Measured", "1", "2", "3"]
    assert out[2].split() == ["1", "20", "90.0%", "(84.0%", "to", "96.0%)", "90.0%", "0.900", "1.8", "s"]
    assert len({len(line) for line in (out[0], *out[2:])}) == 1, "the columns are in line"


def test_an_audit_stands_below_its_row_in_plain_words(capsys, tmp_path):
    out = shown(capsys, tmp_path, [], [round_record(1), round_record(2, audit=0.86), round_record(3, audit=0.88)])
    assert [line.strip() for line in out[4:6]] == [
        "Estimated from 80 images drawn at random:",
        "in the pool: 86 of 100 right (80 to 92)",
    ]
    assert [line.split()[0] for line in out] == [
        "round",
        "Measured",
        "1",
        "2",
        "Estimated",
        "in",
        "3",
        "Estimated",
        "in",
    ]


def test_each_number_of_an_audit_names_its_images(capsys, tmp_path):
    out = shown(capsys, tmp_path, [], [round_record(1, audit=0.84, unlabelled=0.8)])
    assert [line.strip() for line in out[3:]] == [
        "Estimated from 80 images drawn at random:",
        "images without a label: 80 of 100 right (74 to 86)",
        "whole pool, by people and model together: 90 of 100 right (84 to 96)",
        "new images like those in the pool: 84 of 100 right (78 to 90)",
    ]
    assert max(map(len, out)) <= 80


def test_few_audited_images_give_an_interval_alone(capsys, tmp_path):
    out = shown(capsys, tmp_path, [], [round_record(1, audit=0.86, audited=12)])
    assert [line.strip() for line in out[3:]] == [
        "Estimated from 12 images drawn at random (too few for one number):",
        "in the pool: 80 to 92 of 100 right",
    ]


def test_classes_that_are_not_measured_are_named_below_each_row(capsys, tmp_path):
    truth, guess = ["a"] * 20 + ["b"] * 20, [0] * 20 + [1] * 20
    measured = evaluate_probs(np.eye(9, dtype=np.float32)[guess], "abcdefghi", truth, "test", {"c": "30 images"})
    out = shown(capsys, tmp_path, [], [replace(round_record(n), evaluation=measured) for n in (1, 2)])
    named = "averages over 2 of 9 classes; not measured: c (30 images), d, e, f, g and 2 more"
    assert " ".join(map(str.strip, out)).count(named) == 2
    assert max(map(len, out)) <= 80


def test_why_there_is_no_accuracy_is_said_when_it_changes(capsys, tmp_path):
    without = [replace(round_record(n, accuracy=None), no_evaluation=why) for n, why in enumerate("xxyy")]
    out = shown(capsys, tmp_path, [], [*without, round_record(4)])
    assert [line.strip()[:1] for line in out] == ["r", "0", "x", "1", "2", "y", "3", "M", "4"]


def test_it_fits_eighty_columns_at_its_widest(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    record = round_record(1234, labels=123456, accuracy=1.0, audit=1.0, audited=12345)
    out = shown(capsys, tmp_path, [], [replace(record, seconds={"train": 86000.0})])
    assert len(out) == 5, "nothing is wrapped, whatever the width"
    assert max(map(len, out)) <= 80
    assert out[-3].endswith("23 h 53 min")


def test_a_row_is_shown_as_soon_as_its_round_ends(capsys, tmp_path):
    tracker = Console()
    tracker.start(tmp_path, [])
    capsys.readouterr()
    tracker.log(round_record(0, accuracy=None))
    assert capsys.readouterr().out.splitlines()[-1].split() == ["0", "20", "-", "-", "-", "1.8", "s"]


def test_going_on_is_said(capsys, tmp_path):
    out = shown(capsys, tmp_path, [round_record(0), round_record(1, labels=44)], [])
    assert out[0] == "Continuing after round 1 (44 labels)."


def test_a_change_of_what_is_measured_is_said_once(capsys, tmp_path):
    other = round_record(3)
    other = replace(other, evaluation=replace(other.evaluation, basis="cross-validation"))
    out = shown(capsys, tmp_path, [], [round_record(1), round_record(2), other])
    assert [line for line in out if line.startswith("Measured")] == [
        "Measured on: test split",
        "Measured on: cross-validation",
    ]


def test_text_in_brackets_is_no_markup(capsys, tmp_path):
    record = round_record(1)
    record = replace(record, evaluation=replace(record.evaluation, basis="[bold]5 folds[/bold]"))
    assert "Measured on: [bold]5 folds[/bold]" in shown(capsys, tmp_path, [], [record])
