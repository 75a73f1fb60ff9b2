"""Which labels fine-tuning leaves out, and which an evaluation may use after it."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

import numpy as np
import pytest

from alframe.engine.fit import TrainingLabels, explain_missing_evaluation, split_for_fine_tuning, which_share_group
from alframe.engine.measuring.evaluate import UNSEEN_BASIS, cross_validate
from alframe.heads.linear import Linear
from alframe.types import FitContext, Item

# 40 images of two classes in bursts of two, at ten cameras.
ITEMS = [Item(f"{n}.jpg", Path(f"{n}.jpg"), camera=f"cam{n % 10}", sequence=f"burst{n // 2}") for n in range(40)]


def labels(keys: list[int]) -> TrainingLabels:
    numbers = np.array(keys, np.int64)
    return TrainingLabels(numbers, numbers // 2 % 2, ("a", "b"), numbers, np.ones(len(keys), np.bool_), numbers)


def leave_out(
    keys: list[int], group: str = "sequence", seen: Set[int] = frozenset(), before: Set[int] = frozenset()
) -> set[int]:
    training, left_out = split_for_fine_tuning(
        labels(keys), ITEMS, seen, before, group, 0.2, np.random.default_rng(len(keys))
    )
    assert set(training.keys.tolist()) | left_out == set(keys)
    assert not set(training.keys.tolist()) & left_out
    return left_out


@pytest.mark.parametrize("group", ["sequence", "camera"])
def test_whole_groups_are_left_out(group: str) -> None:
    left_out = leave_out(list(range(40)), group)
    rest = sorted(set(range(40)) - left_out)
    assert 6 <= len(left_out) <= 10
    assert not which_share_group(ITEMS, rest, left_out, group).any()


def test_a_group_that_was_trained_on_is_never_left_out_and_one_that_was_left_out_stays_so() -> None:
    seen, before = {0, 2, 4}, {6, 8}
    left_out = leave_out(list(range(20)), seen=seen, before=before)
    assert not left_out & {0, 1, 2, 3, 4, 5}
    assert left_out > {6, 7, 8, 9}
    assert 2 <= len(left_out - {6, 7, 8, 9}) <= 4, "a fifth of the ten that are new"


def test_two_classes_are_left_to_train_on() -> None:
    assert leave_out([0, 2]) == set()
    assert leave_out([]) == set()


def test_what_shares_a_burst_with_a_trained_image_is_not_unseen() -> None:
    assert which_share_group(ITEMS, [0, 1, 2], {1}, "sequence").tolist() == [True, True, False]
    assert which_share_group(ITEMS, [0, 10, 11], {20}, "camera").tolist() == [True, True, True]  # burst of 10 and 11
    assert which_share_group(ITEMS, [0, 1], set(), "camera").tolist() == [False, False]


def test_only_unseen_labels_are_predicted_and_all_others_are_learned_from() -> None:
    fits = []

    class Spy(Linear):
        def fit(self, x, y, classes, rng):
            fits.append(set(x[:, 0].astype(int).tolist()))
            super().fit(x, y, classes, rng)

    y, unseen = np.arange(40) % 2, np.arange(40) >= 28
    x = np.column_stack([np.arange(40), 9 * y]).astype(np.float32)
    found = cross_validate(Spy, x, y, FitContext(unseen, np.arange(40)), ("a", "b"), np.random.default_rng(0))
    assert found is not None
    assert (found.n, found.basis) == (12, UNSEEN_BASIS)
    assert all(set(range(28)) < fit < set(range(40)) for fit in fits)
    few = np.arange(40) >= 31
    assert cross_validate(Spy, x, y, FitContext(few, np.arange(40)), ("a", "b"), np.random.default_rng(0)) is None


def test_the_reason_counts_what_the_network_has_seen() -> None:
    training = labels(list(range(8)))
    assert explain_missing_evaluation(training).startswith("No accuracy yet: measuring it needs at least 10 labels")
    training.is_unseen_by_backbone[:5] = False
    assert "fine-tuned on 5 of the 8 labels" in explain_missing_evaluation(training)
    assert "it has not seen 3." in explain_missing_evaluation(training)
