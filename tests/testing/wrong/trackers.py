"""Trackers that are wrong."""

from __future__ import annotations

import csv
import json

import numpy as np

from alframe.kit.files import replace_atomically
from alframe.testing.tracker import TrackerSuite
from alframe.trackers.jsonl import Jsonl
from tests.testing.wrong import wrong


def lines(self, folder):
    file = folder / "rounds.jsonl"
    return list(range(len(file.read_text(encoding="utf-8").splitlines()))) if file.exists() else []


class WritesAtClose(Jsonl):
    def start(self, folder, history):
        self.folder, self.history, self.records = folder, history, []

    def log(self, record):
        self.records.append(record)

    def close(self):
        super().start(self.folder, self.history)
        for record in self.records:
            super().log(record)
        super().close()


class OneRoundLate(Jsonl):
    waiting = None

    def log(self, record):
        if self.waiting is not None:
            super().log(self.waiting)
        self.waiting = record

    def close(self):
        if self.waiting is not None:
            super().log(self.waiting)
        super().close()


class TrackerSeeds(Jsonl):
    def start(self, folder, history):
        np.random.seed(0)  # noqa: NPY002 - the fault
        super().start(folder, history)


class Table:
    """A table of the recalls of each class, written as a whole after each round."""

    def __init__(self):
        self.rows = {}

    def start(self, folder, history):
        self.file, self.rows = folder / "recalls.csv", {record.round: self.row(record) for record in history}
        self.write()

    def log(self, record):
        self.rows[record.round] = self.row(record)
        self.write()

    def close(self):
        pass

    def row(self, record):
        if record.evaluation is None:
            return [record.round, "{}"]
        recalls = [row["recall"] for row in record.evaluation.per_class]
        return [record.round, json.dumps(dict(zip(self.names(record.evaluation), recalls, strict=True)))]

    def names(self, evaluation):
        return evaluation.classes

    def write(self):
        with replace_atomically(self.file) as temporary:
            self.write_to(temporary)

    def write_to(self, file):
        with file.open("w", newline="", encoding="utf-8") as handle:
            csv.writer(handle).writerows(self.rows.values())


class KeepsTheRowsOfAnEarlierStart(Table):
    def start(self, folder, history):
        rows = self.rows
        super().start(folder, history)
        self.rows = rows | self.rows
        self.write()


class WritesInPlace(Table):
    def write(self):
        self.write_to(self.file)


class DeletesBeforeItWrites(Table):
    def write(self):
        self.file.unlink(missing_ok=True)
        self.write_to(self.file)


class RecallsOfOtherClasses(Table):
    def names(self, evaluation):
        return sorted(evaluation.classes, reverse=True)


def table(folder):
    with (folder / "recalls.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.reader(handle))


def tracker(part, caught_by):
    hooks = {
        "recorded_rounds": lambda self, folder: [int(number) for number, _ in table(folder)],
        "recorded_recalls": lambda self, folder: json.loads(table(folder)[-1][1]),
    }
    return wrong(TrackerSuite, part, caught_by, **hooks)


CASES = [
    wrong(TrackerSuite, WritesAtClose, "test_each_round_is_on_record_at_once"),
    wrong(TrackerSuite, OneRoundLate, "test_each_round_is_on_record_at_once", recorded_rounds=lines),
    wrong(TrackerSuite, TrackerSeeds, "test_run_that_goes_on"),
    tracker(KeepsTheRowsOfAnEarlierStart, "test_second_start_begins_anew"),
    tracker(WritesInPlace, "test_no_file_is_emptied_before_it_is_written"),
    tracker(DeletesBeforeItWrites, "test_no_file_is_emptied_before_it_is_written"),
    tracker(RecallsOfOtherClasses, "test_each_class_has_its_own_recall"),
]
RIGHT = [tracker(Table, "")]
globals().update({case.__name__: case for case in [*CASES, *RIGHT]})
