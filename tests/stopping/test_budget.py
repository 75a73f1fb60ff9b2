"""The budget."""

from __future__ import annotations

import pytest

from alframe.errors import BadParams
from alframe.stopping.budget import Budget
from alframe.testing.records import round_record
from alframe.testing.stopping import StoppingSuite


class TestBudget(StoppingSuite):
    def make(self):
        return Budget(labels=60)

    def finished_history(self):
        return [round_record(0, 20), round_record(1, 40), round_record(2, 60)]


def test_room_is_what_is_left():
    assert [Budget(50).labels_left(labels) for labels in (0, 30, 50, 70)] == [50, 20, 0, 0]


def test_the_reason_counts():
    reason = Budget(50).decide([round_record(0, labels=53)])
    assert "50" in reason and "53" in reason


def test_a_budget_of_nothing():
    with pytest.raises(BadParams, match="labels=0"):
        Budget(0)
