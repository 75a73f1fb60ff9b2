"""Statistics of learning curves, where the answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alframe.comparison.statistics import (
    Interval,
    adjust_for_multiple_tests,
    extend_curve,
    final_speed_up,
    gain_interval,
    labels_to_goal,
    mean_interval,
    mean_ranks,
    paired_t_p_values,
    penalty_matrix,
    wilcoxon_p_value,
)
from alframe.engine.measuring.curves import mean_over_labels

LABELS = np.array([20.0, 30.0, 40.0])


def test_the_area_is_the_mean_over_labels_and_not_over_rounds() -> None:
    labels, values = np.array([20.0, 30.0, 60.0]), np.array([[0.0, 1.0, 1.0], [0.5, 0.5, 0.5]])
    np.testing.assert_allclose(mean_over_labels(labels, values), [(5 + 30) / 40, 0.5])
    assert mean_over_labels(np.array([20.0]), np.array([0.7])) == pytest.approx(0.7)


def test_the_interval_is_students() -> None:
    found = mean_interval(np.array([1.0, 2.0, 3.0]))
    half = 4.302653 / math.sqrt(3)  # t of two degrees of freedom, by the tables
    assert (found.mean, found.low, found.high) == pytest.approx((2, 2 - half, 2 + half), abs=1e-5)
    assert not found.is_above_zero
    assert mean_interval(np.array([1.0, 1.1, 0.9])).is_above_zero
    assert mean_interval(-np.array([1.0, 1.1, 0.9])).is_below_zero


def test_p_values_are_those_of_the_paired_test() -> None:
    from scipy.stats import ttest_rel

    rng = np.random.default_rng(0)
    ours, theirs = rng.random((6, 4)), rng.random((6, 4))
    np.testing.assert_allclose(paired_t_p_values(ours, theirs), ttest_rel(ours, theirs).pvalue)
    same = np.full(5, 0.5)
    assert paired_t_p_values(same, same) == 1  # no difference at all is none
    assert paired_t_p_values(same + 0.1, same) == 2 / 2**5, "of always the same difference only the sign is known"
    assert np.isnan(gain_interval(same).low) and gain_interval(same - same).low == 0


def test_p_values_of_many_tests_are_adjusted_for_their_number() -> None:
    p = [0.01, 0.04, math.nan, 0.03, 0.005]
    np.testing.assert_allclose(adjust_for_multiple_tests(p, "holm"), [0.03, 0.06, math.nan, 0.06, 0.02])  # by hand
    np.testing.assert_allclose(adjust_for_multiple_tests(p, "fdr_bh"), [0.02, 0.04, math.nan, 0.04, 0.02])
    assert adjust_for_multiple_tests([], "holm").tolist() == []
    assert (adjust_for_multiple_tests([0.04] + [0.9] * 9, "fdr_bh") > 0.05).all()


def test_wilcoxon_is_limited_by_the_number_of_seeds() -> None:
    better = np.array([0.3, 0.1, 0.2, 0.4, 0.25])
    assert wilcoxon_p_value(better, np.zeros(5)) == pytest.approx(2 / 2**5)
    assert wilcoxon_p_value(better, better) == 1


def test_labels_to_a_goal_lie_between_counts() -> None:
    values = np.array([[0.5, 0.6, 0.8], [0.5, 0.6, 0.8], [0.5, 0.6, 0.8], [0.5, 0.9, 0.1]])
    found = labels_to_goal(LABELS, values, np.array([0.7, 0.9, 0.4, 0.7]))
    assert found.tolist() == pytest.approx([35, math.inf, 20, 25])  # the first time, also where it falls again


def test_twice_the_labels_is_a_speed_up_of_two() -> None:
    random_labels = np.array([20.0, 40.0, 80.0, 120.0])
    random = np.tile([0.4, 0.5, 0.7, 0.8], (5, 1))
    ours = np.tile([0.4, 0.6, 0.7], (5, 1))
    found = final_speed_up(LABELS, ours, random_labels, random)
    assert (found.factor, found.low, found.high) == pytest.approx((2, 2, 2))
    assert final_speed_up(LABELS, ours + 0.2, random_labels, random).factor == math.inf  # never in what was measured
    assert final_speed_up(LABELS, ours - 0.25, random_labels, random).factor == pytest.approx(30 / 40)
    assert final_speed_up(random_labels, random, random_labels, random).factor == 1


def test_the_speed_up_has_an_interval_of_the_seeds() -> None:
    rng = np.random.default_rng(1)
    labels = np.linspace(20, 100, 9)
    random = np.sqrt(labels / 100) + rng.normal(0, 0.02, (10, 9))
    found = final_speed_up(labels[:5], random[:, ::2], labels, random)
    assert found.low < found.factor < found.high


def test_random_choice_goes_on_in_its_longer_runs() -> None:
    labels, values = extend_curve(LABELS, np.zeros((2, 3)), np.array([20.0, 40.0, 60.0]), np.ones((2, 3)))
    assert labels.tolist() == [20, 30, 40, 60]
    assert values.tolist() == [[0, 0, 0, 1]] * 2


def test_penalties_count_the_label_counts_at_which_one_beats_another() -> None:
    noise = np.random.default_rng(0).normal(0, 0.001, (5, 5))
    flat = 0.5 + noise
    better = 0.5 + np.array([0.3, 0.1, 0.1, 0.0, -0.1]) + noise[::-1]  # the first count is the same start, and left out
    matrix = penalty_matrix([{"a": better, "b": flat}, {"a": flat}], ["a", "b", "c"])
    assert matrix[0, 1] == pytest.approx(2 / 4)
    assert matrix[1, 0] == pytest.approx(1 / 4)
    assert not matrix[2].any()
    assert not matrix[:, 2].any()
    assert penalty_matrix([{"a": better, "b": flat}] * 3, ["a", "b"])[0, 1] == pytest.approx(3 / 2)  # sets add up


def test_ranks_are_over_the_sets_that_have_it() -> None:
    ranks = mean_ranks([{"a": 0.9, "b": 0.8, "c": 0.8}, {"a": 0.1, "b": 0.2}], ["a", "b", "c", "d"])
    assert ranks[:3] == [1.5, 1.75, 2.5]
    assert math.isnan(ranks[3])


def test_an_interval_ends_at_what_is_possible() -> None:
    values = np.array([9.0, 10.0, 10.0])
    assert mean_interval(values).high > 10
    assert mean_interval(values, 0, 10) == Interval(values.mean(), mean_interval(values).low, 10)
