"""Computes, stopping rules, trackers, exporters, pools and tasks that are wrong."""

from __future__ import annotations

import os
import random
import shutil

import numpy as np

from alframe.stopping.budget import Budget
from alframe.testing.compute import ComputeSuite
from alframe.testing.exporter import ExporterSuite
from alframe.testing.pool import PoolSuite
from alframe.testing.records import round_record
from alframe.testing.stopping import StoppingSuite
from alframe.testing.tracker import TrackerSuite
from alframe.trackers.jsonl import Jsonl
from alframe.types import Item
from tests.testing.wrong import wrong


class RightCompute:
    batch_size = 8

    def device(self):
        return "cpu"

    def workers(self):
        return 0

    def map_shards(self, function, shards):
        yield from function(shards)


class SwallowsFailures(RightCompute):
    def map_shards(self, function, shards):
        for shard in shards:
            try:
                yield from function([shard])
            except ArithmeticError:
                yield None


class StopsAtFailures(RightCompute):
    def map_shards(self, function, shards):
        try:
            yield from function(shards)
        except ArithmeticError:
            return


class WorksTwice(RightCompute):
    def map_shards(self, function, shards):
        list(function(shards))
        yield from function(shards)


class TriesTheLastAgain(RightCompute):
    def map_shards(self, function, shards):
        results = list(function(shards))
        yield from [*results[:-1], *function(shards[-1:])]


class FinishedFirst(RightCompute):
    def map_shards(self, function, shards):
        yield from sorted(function(shards), key=str)


class SkipsEmptyShards(RightCompute):
    def map_shards(self, function, shards):
        yield from function([shard for shard in shards if shard])


class ChangesFolder(RightCompute):
    def map_shards(self, function, shards):
        os.chdir("/")
        yield from function(shards)


def history(self):
    return [round_record(0, 20), round_record(1, 30), round_record(2, 40)]


class RightBudget(Budget):
    def __init__(self):
        super().__init__(labels=40)


class StopsWithoutEvaluation(RightBudget):
    def decide(self, history):
        if history and history[-1].evaluation is None:
            return "nothing to learn from"
        return super().decide(history)


class TrueForAReason(RightBudget):
    def decide(self, history):
        return True if super().decide(history) else None


class FalseForNone(RightBudget):
    def decide(self, history):
        return super().decide(history) or False


class NegativeRoom(RightBudget):
    def labels_left(self, labels):
        return 40 - labels


class Remembers(RightBudget):
    most = 0

    def decide(self, history):
        self.most = max(self.most, len(history))
        return "as often as before" if history and len(history) <= self.most - 1 else super().decide(history)


class AddsUpRecalls(RightBudget):
    """Takes it for granted that each class has a recall."""

    def decide(self, history):
        enough = all(row["recall"] >= 0 for record in history for row in record.evaluation.per_class)
        return super().decide(history) if enough else None


class ReadsTheLastEvaluation(RightBudget):
    def decide(self, history):
        reason = super().decide(history)
        return reason and f"{reason} The accuracy is {history[-1].evaluation.accuracy}."


class DrawsLots(RightBudget):
    def decide(self, history):
        random.random()
        return super().decide(history)


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
        np.random.seed(0)  # noqa: NPY002
        super().start(folder, history)


class RightExporter:
    file = "table.csv"

    def export(self, predictions, model, folder):
        best = self.choose(predictions.probs)
        rows = [f"{item.id}\t{predictions.classes[top]}" for item, top in zip(predictions.items, best, strict=True)]
        (folder / self.file).write_text("\n".join(["id\tclass", *rows]), encoding="utf-8")
        return [folder / self.file]

    def choose(self, probs):
        return probs.argmax(axis=1) if len(probs) else []


class Argmin(RightExporter):
    def choose(self, probs):
        return probs.argmin(axis=1) if len(probs) else []


class SecondBest(RightExporter):
    def choose(self, probs):
        return probs.argsort(axis=1)[:, -2] if len(probs) else []


class EmptiesTheFolder(RightExporter):
    def export(self, predictions, model, folder):
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        return super().export(predictions, model, folder)


class ClearsBackups(RightExporter):
    def export(self, predictions, model, folder):
        for entry in folder.glob("*.bak"):
            entry.unlink()
        return super().export(predictions, model, folder)


class ExporterChangesFolder(RightExporter):
    def export(self, predictions, model, folder):
        os.chdir(folder)
        return super().export(predictions, model, folder)


class RightPool:
    def __init__(self, folder):
        self.folder = folder

    def items(self):
        for name in self.names():
            yield Item(name, self.folder / name)

    def names(self):
        return sorted(file.name for file in self.folder.iterdir())


class UnsortedPool(RightPool):
    def names(self):
        return [entry.name for entry in os.scandir(self.folder)]


class ListedPool(RightPool):
    def names(self):
        return os.listdir(self.folder)  # noqa: PTH208


class SetPool(RightPool):
    def names(self):
        return set(super().names())


class PoolSeeds(RightPool):
    def names(self):
        random.seed(1)
        return super().names()


class PoolChangesFolder(RightPool):
    def names(self):
        os.chdir(self.folder)
        return super().names()


def fill_folder(self, folder):
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.jpg").touch()


def pool(part, caught_by):
    return wrong(PoolSuite, part, caught_by, make=lambda self, folder: part(folder), fill_folder=fill_folder)


def stopping(part, caught_by):
    return wrong(StoppingSuite, part, caught_by, finished_history=history)


CASES = [
    wrong(ComputeSuite, SwallowsFailures, "test_failure_reaches_the_caller"),
    wrong(ComputeSuite, StopsAtFailures, "test_failure_reaches_the_caller"),
    wrong(ComputeSuite, WorksTwice, "test_each_shard_is_worked_on_once"),
    wrong(ComputeSuite, TriesTheLastAgain, "test_each_shard_is_worked_on_once"),
    wrong(ComputeSuite, FinishedFirst, "test_results_come_in_the_order_of_the_shards"),
    wrong(ComputeSuite, SkipsEmptyShards, "test_shards_arrive_as_they_were_handed_in"),
    wrong(ComputeSuite, ChangesFolder, "test_results_come_in_the_order_of_the_shards"),
    stopping(StopsWithoutEvaluation, "test_round_that_was_not_measured_is_no_reason_to_stop"),
    stopping(TrueForAReason, "test_stops_and_gives_a_reason"),
    stopping(FalseForNone, "test_does_not_stop_earlier"),
    stopping(NegativeRoom, "test_fewer_labels_are_left_after_more_labels"),
    stopping(Remembers, "test_decides_from_the_history_alone"),
    stopping(AddsUpRecalls, "test_class_without_an_image_has_no_numbers"),
    stopping(ReadsTheLastEvaluation, "test_last_round_may_be_unmeasured"),
    stopping(DrawsLots, "test_does_not_stop_earlier"),
    wrong(TrackerSuite, WritesAtClose, "test_each_round_is_on_record_at_once"),
    wrong(TrackerSuite, OneRoundLate, "test_each_round_is_on_record_at_once", recorded_rounds=lines),
    wrong(TrackerSuite, TrackerSeeds, "test_run_that_goes_on"),
    wrong(ExporterSuite, Argmin, "test_likeliest_class_is_the_one_that_is_written"),
    wrong(ExporterSuite, SecondBest, "test_likeliest_class_is_the_one_that_is_written"),
    wrong(ExporterSuite, EmptiesTheFolder, "test_what_others_put_there_stays"),
    wrong(ExporterSuite, ClearsBackups, "test_what_others_put_there_stays"),
    wrong(ExporterSuite, ExporterChangesFolder, "test_second_export_replaces_the_first"),
    pool(UnsortedPool, "test_order_does_not_come_from_the_file_system"),
    pool(ListedPool, "test_order_does_not_come_from_the_file_system"),
    pool(SetPool, "test_order_is_the_same_in_another_process"),
    pool(PoolSeeds, "test_lists_images"),
    pool(PoolChangesFolder, "test_lists_images"),
]


class TestRightPool(PoolSuite):
    """A class of its own, which another process can import."""

    caught_by = ()

    def make(self, folder):
        return RightPool(folder)

    fill_folder = fill_folder


RIGHT = [wrong(ComputeSuite, RightCompute, ""), wrong(ExporterSuite, RightExporter, ""), TestRightPool]
globals().update({case.__name__: case for case in [*CASES, *RIGHT]})
