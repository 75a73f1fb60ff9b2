"""Computes and stopping rules that are wrong."""

from __future__ import annotations

import os
import random
import time

from alframe.stopping.budget import Budget
from alframe.testing.compute import ComputeSuite
from alframe.testing.records import round_record
from alframe.testing.stopping import StoppingSuite
from tests.testing.wrong import wrong


class RightCompute:
    batch_size = 8

    def device(self):
        return "cpu"

    def worker_count(self):
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


class AfterHours(RightBudget):
    """Decides otherwise on another day."""

    def decide(self, history):
        return super().decide(history) and f"Enough on day {time.time() // 86400}."


class FirstClasses(RightBudget):
    """Takes it for granted that the classes stay the same."""

    def decide(self, history):
        rows = [record.evaluation.per_class for record in history if record.evaluation]
        gains = [rows[-1][number]["f1"] != row[number]["f1"] for row in rows for number in range(len(rows[-1]))]
        return super().decide(history) if len(gains) >= 0 else None


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
    stopping(AfterHours, "test_decides_from_the_history_alone"),
    stopping(FirstClasses, "test_class_may_be_new"),
]


RIGHT = [wrong(ComputeSuite, RightCompute, "")]
globals().update({case.__name__: case for case in [*CASES, *RIGHT]})
