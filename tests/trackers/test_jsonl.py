"""The JSON lines."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

import numpy as np

from alframe.testing.records import round_record
from alframe.testing.tracker import TrackerSuite
from alframe.trackers.jsonl import Jsonl


def lines(folder):
    return [json.loads(line) for line in (folder / "rounds.jsonl").read_text(encoding="utf-8").splitlines()]


class TestJsonl(TrackerSuite):
    make = Jsonl

    def recorded_rounds(self, folder):
        return [line["round"] for line in lines(folder)]

    def recorded_recalls(self, folder):
        evaluation = lines(folder)[-1]["evaluation"]
        return dict(zip(evaluation["classes"], (row["recall"] for row in evaluation["per_class"]), strict=True))


def test_all_of_a_round_is_in_its_line(tmp_path):
    record = replace(round_record(3, labels=np.int64(30)), seconds=MappingProxyType({"fit": np.float64(0.5)}))
    tracker = Jsonl()
    tracker.start(tmp_path, [])
    tracker.log(record)
    (line,) = lines(tmp_path)
    assert list(line) == list(record.__slots__)
    assert line["labels"] == 30 and line["seconds"] == {"fit": 0.5}
    assert line["classes"] == ["empty", "übersehen"]
    assert line["evaluation"]["confusion"] == [[50, 50], [50, 50]]
    assert line["evaluation"]["per_class"][1]["precision"] is None, "NaN is no JSON"
    assert datetime.fromisoformat(line["at"]) == record.at


def test_an_audit_is_in_the_line_of_its_round(tmp_path):
    tracker = Jsonl()
    tracker.start(tmp_path, [round_record(1)])
    tracker.log(round_record(2, audit=0.86))
    before, after = lines(tmp_path)
    assert before["audit"] is None
    assert (after["audit"]["accuracy"], after["audit"]["n"], after["evaluation"]["n"]) == (0.86, 80, 200)


def test_a_torn_line_is_mended(tmp_path):
    (tmp_path / "rounds.jsonl").write_text('{"round": 0}\n{"round": 1, "lab')
    Jsonl().start(tmp_path, [round_record(0), round_record(1)])
    assert [line["round"] for line in lines(tmp_path)] == [0, 1]
    assert [path.name for path in tmp_path.iterdir()] == ["rounds.jsonl"]


def test_a_line_is_there_before_close(tmp_path):
    tracker = Jsonl()
    tracker.start(tmp_path, [])
    tracker.log(round_record(0))
    assert len(lines(tmp_path)) == 1


def test_a_file_that_cannot_be_written_ends_no_campaign(tmp_path, caplog):
    (tmp_path / "rounds.jsonl").mkdir()
    tracker = Jsonl()
    tracker.start(tmp_path, [round_record(0)])
    tracker.log(round_record(1))
    assert caplog.text.count(f"{tmp_path / 'rounds.jsonl'} cannot be written") == 2
    assert "the next run writes all rounds" in caplog.text
    (tmp_path / "rounds.jsonl").rmdir()
    Jsonl().start(tmp_path, [round_record(0), round_record(1)])
    assert [line["round"] for line in lines(tmp_path)] == [0, 1]
