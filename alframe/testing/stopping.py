"""What every stopping rule must do."""

from __future__ import annotations

import copy

from alframe.contracts import Stopping
from alframe.testing.records import round_record
from alframe.types import RoundRecord


class StoppingSuite:
    """Subclass it, and say how the rule is made and of which history it must say stop."""

    def make(self) -> Stopping:
        raise NotImplementedError

    def finished_history(self) -> list[RoundRecord]:
        """A history at whose last round the rule stops, and not one round before."""
        raise NotImplementedError

    def test_it_stops_when_it_must_and_says_why(self) -> None:
        reason = self.make().decide(self.finished_history())
        assert isinstance(reason, str) and reason.strip(), f"it must give a reason in words, and gave {reason!r}"

    def test_it_goes_on_before(self) -> None:
        history = self.finished_history()
        for rounds in range(len(history)):
            assert self.make().decide(history[:rounds]) is None, f"it stopped after {rounds} rounds already"

    def test_it_decides_from_the_history_alone(self) -> None:
        rule, history = self.make(), self.finished_history()
        before = copy.deepcopy(history)
        answers = [rule.decide(history[:-1]), rule.decide(history), rule.decide(history[:-1]), rule.decide(history)]
        assert answers[:2] == answers[2:], "the same history got two answers: a resumed run would decide otherwise"
        assert answers[1] == self.make().decide(tuple(history)), "a fresh rule decides otherwise"
        assert repr(history) == repr(before), "it changed the history"

    def test_a_round_without_evaluation_does_no_harm(self) -> None:
        self.make().decide([])
        self.make().decide([round_record(0, labels=1, accuracy=None)])
        self.make().decide([round_record(0, labels=1, accuracy=None, audit=0.5), round_record(1, labels=2)])

    def test_room_shrinks_with_the_labels(self) -> None:
        rule = self.make()
        rooms = [rule.room(labels) for labels in range(0, 5000, 7)]
        if rooms[0] is None:
            assert all(room is None for room in rooms), "there is room for any number of labels, or always a number"
            return
        numbers = [room for room in rooms if room is not None]
        assert len(numbers) == len(rooms) and min(numbers) >= 0, "room is a count of labels"
        assert numbers == sorted(numbers, reverse=True), "more labels leave less room"

    def test_no_room_means_stop(self) -> None:
        rule = self.make()
        for labels in range(1, 5000, 7):
            if rule.room(labels) == 0:
                history = [round_record(0, labels=labels, accuracy=0.1)]
                assert rule.decide(history), f"no room is left at {labels} labels, yet it would go on for ever"
