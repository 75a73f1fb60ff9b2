"""The conformance suite of stopping rules."""

from __future__ import annotations

import copy
from dataclasses import replace

from alframe.contracts import Stopping
from alframe.testing.other_process import as_in_another_process
from alframe.testing.part import PartSuite
from alframe.testing.records import round_record
from alframe.types import Evaluation, RoundRecord


def _without_class_measures(record: RoundRecord) -> RoundRecord:
    """Return the record with an evaluation that has no image of any class."""

    def without_numbers(evaluation: Evaluation | None) -> Evaluation | None:
        if evaluation is None:
            return None
        nothing = {"precision": None, "recall": None, "recall_low": None, "recall_high": None, "f1": None, "support": 0}
        return replace(evaluation, per_class=(nothing,) * len(evaluation.classes))

    return replace(record, evaluation=without_numbers(record.evaluation), audit=without_numbers(record.audit))


def _without_last_class(record: RoundRecord) -> RoundRecord:
    def first_classes(evaluation: Evaluation | None) -> Evaluation | None:
        if evaluation is None:
            return None
        confusion = tuple(row[:-1] for row in evaluation.confusion[:-1])
        classes, per_class = evaluation.classes[:-1], evaluation.per_class[:-1]
        return replace(evaluation, classes=classes, per_class=per_class, confusion=confusion)

    measured = first_classes(record.evaluation), first_classes(record.audit)
    return replace(record, classes=record.classes[:-1], evaluation=measured[0], audit=measured[1])


class StoppingSuite(PartSuite[Stopping]):
    """Tests of every stopping rule. Write a subclass with `make`, and `finished_history`: rounds after which it stops.

    `alframe.testing.round_record` makes rounds. For a rule about single classes, replace `per_class` of the evaluation:
    a tuple with the numbers of each class, in the order of `evaluation.classes`.
    """

    def finished_history(self) -> list[RoundRecord]:
        """Return a history after whose last round the rule stops, but not after an earlier round."""
        raise NotImplementedError

    def test_stops_and_gives_a_reason(self) -> None:
        reason = self.make().decide(self.finished_history())
        assert isinstance(reason, str) and reason.strip(), f"decide() must return a reason, but returned {reason!r}"

    def test_does_not_stop_earlier(self) -> None:
        history = self.finished_history()
        for rounds in range(len(history)):
            assert self.make().decide(history[:rounds]) is None, f"it stopped after {rounds} rounds already"

    def test_decides_from_the_history_alone(self) -> None:
        rule, history = self.make(), self.finished_history()
        before = copy.deepcopy(history)
        first, second = [(rule.decide(history[:-1]), rule.decide(history)) for _ in range(2)]
        with as_in_another_process():
            assert rule.decide(history) == first[1], "the decision depends on the clock, or on hash() of a text"
        assert first == second, "decide() gave two answers to the same history: a resumed run would decide differently"
        assert first[1] == self.make().decide(tuple(history)), "a new rule decides differently"
        assert repr(history) == repr(before), "decide() changed the history"

    def test_accepts_rounds_without_evaluation(self) -> None:
        audited = round_record(0, labels=1, accuracy=None, audit=0.5)
        for history in ([], [round_record(0, labels=1, accuracy=None)], [audited, round_record(1, labels=2)]):
            self.make().decide(history)

    def test_round_that_was_not_measured_is_no_reason_to_stop(self) -> None:
        """An evaluation is missing while there are too few labels to measure on: that must not end a campaign."""
        rule, finished = self.make(), self.finished_history()
        for length in range(len(finished)):
            before = list(finished[:length])
            labels = before[-1].labels if before else 1
            unmeasured = round_record(length, labels=labels, accuracy=None)
            if rule.labels_left(labels) != 0:
                reason = self.make().decide([*before, unmeasured])
                assert reason is None, f"it stops after a round without an evaluation: {reason!r}"

    def test_class_without_an_image_has_no_numbers(self) -> None:
        """While no image of a class is among those measured on, each of its numbers is None, and its support 0."""
        finished = self.finished_history()
        for length in range(1, len(finished) + 1):
            self._assert_valid_decision([*finished[: length - 1], _without_class_measures(finished[length - 1])])

    def test_class_may_be_new(self) -> None:
        """A class that people have found in the last round is in no earlier evaluation."""
        *earlier, last = self.finished_history()
        self._assert_valid_decision([*map(_without_last_class, earlier), last])

    def test_last_round_may_be_unmeasured(self) -> None:
        finished = self.finished_history()
        self._assert_valid_decision(
            [*finished, replace(finished[-1], round=len(finished), evaluation=None, audit=None)]
        )

    def _assert_valid_decision(self, history: list[RoundRecord]) -> None:
        reason = self.make().decide(history)
        is_answer = reason is None or (isinstance(reason, str) and reason.strip())
        assert is_answer, f"decide() must return a reason or None, but returned {reason!r}"

    def test_fewer_labels_are_left_after_more_labels(self) -> None:
        rule = self.make()
        lefts = [rule.labels_left(labels) for labels in range(0, 5000, 7)]
        if lefts[0] is None:
            assert all(left is None for left in lefts), (
                "labels_left() must give None for all numbers of labels or for none"
            )
            return
        numbers = [left for left in lefts if left is not None]
        assert len(numbers) == len(lefts), "labels_left() must give None for all numbers of labels or for none"
        assert min(numbers) >= 0, "labels_left() must give at least 0"
        assert numbers == sorted(numbers, reverse=True), "after more labels, fewer may be left"

    def test_stops_when_no_labels_are_left(self) -> None:
        rule = self.make()
        for labels in range(1, 5000, 7):
            if rule.labels_left(labels) == 0:
                history = [round_record(0, labels=labels, accuracy=0.1)]
                assert rule.decide(history), f"no room is left at {labels} labels, but it would never stop"
