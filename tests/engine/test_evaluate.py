"""The numbers are scikit-learn's and statsmodels' textbook ones."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
    precision_score,
)

from alframe.engine.measuring.evaluate import calibration_error, cross_validate, evaluate_probs
from alframe.engine.measuring.intervals import wilson_interval
from alframe.heads.linear import Linear
from alframe.stopping.limits import METRICS
from alframe.store.records import dump_record, load_record
from alframe.testing.records import round_record
from alframe.types import FitContext

NAMES = ("badger", "fox", "hare")


def test_measures_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(3), 200).astype(np.float32)
    truth = [NAMES[at] for at in rng.integers(3, size=200)]
    guess = [NAMES[at] for at in probs.argmax(axis=1)]
    found = evaluate_probs(probs, NAMES, truth, "held-out images")
    assert found.accuracy == accuracy_score(truth, guess)
    assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(truth, guess))
    assert found.macro_f1 == pytest.approx(f1_score(truth, guess, average="macro"))
    assert found.macro_precision == pytest.approx(precision_score(truth, guess, average="macro"))
    assert found.log_loss == pytest.approx(log_loss(truth, probs), abs=1e-6)
    micro = precision_recall_fscore_support(truth, guess, average="micro")[:3]
    assert (found.micro_precision, found.micro_recall, found.micro_f1) == pytest.approx(micro)
    assert found.micro_f1 == pytest.approx(found.accuracy)
    assert sum(map(sum, found.confusion)) == found.n == 200
    assert [row["support"] for row in found.per_class] == [truth.count(name) for name in NAMES]


def test_wilsons_interval_by_hand() -> None:
    probs = np.eye(2, dtype=np.float32)[[0] * 9 + [1]]
    found = evaluate_probs(probs, ("a", "b"), ["a"] * 10, "held-out images")
    z, p, n = 1.959964, 0.9, 10
    middle, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert (found.low, found.high) == pytest.approx(
        ((middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n))
    )


def test_a_class_the_head_has_never_seen_counts_as_wrong() -> None:
    found = evaluate_probs(np.array([[0.9, 0.1], [0.2, 0.8]], np.float32), ("a", "b"), ["a", "z"], "held-out images")
    assert (found.accuracy, found.balanced_accuracy, found.classes) == (0.5, 0.5, ("a", "b", "z"))
    assert found.confusion[2] == (0, 1, 0)


def test_cross_validation_never_predicts_what_it_was_trained_on() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 40)).astype(np.float32), rng.integers(2, size=60)
    assert LogisticRegression(C=100).fit(x, y).score(x, y) > 0.9, "noise can be learned by heart"
    found = cross_validate(Linear, x, y, FitContext.unknown(len(y)), ("a", "b"), rng)
    assert found is not None
    assert 0.25 < found.accuracy < 0.75
    assert found.n == 60


def test_too_few_labels_for_cross_validation_give_no_number() -> None:
    x, y = np.eye(6, dtype=np.float32), np.array([0, 0, 0, 1, 1, 1])
    assert cross_validate(Linear, x, y, FitContext.unknown(len(y)), ("a", "b"), np.random.default_rng(0)) is None


def test_copies_on_both_sides_do_not_help_when_they_are_grouped() -> None:
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(20, 40)), 4, axis=0).astype(np.float32)
    y = np.repeat(rng.integers(2, size=20), 4)
    everything = FitContext.unknown(80)
    bursts = replace(everything, groups=np.arange(80) // 4)
    apart, together = (cross_validate(Linear, x, y, context, ("a", "b"), rng) for context in (everything, bursts))
    assert apart is not None
    assert together is not None
    assert apart.accuracy > 0.95
    assert together.accuracy < 0.8


def test_rare_classes_count_and_are_missed() -> None:
    x = np.concatenate([np.eye(2)[[0] * 10 + [1] * 10] * 5, [[9, 9]]]).astype(np.float32)
    y = np.array([0] * 10 + [1] * 10 + [2])
    found = cross_validate(Linear, x, y, FitContext.unknown(21), ("a", "b", "rare"), np.random.default_rng(0))
    assert found is not None
    assert (found.n, found.accuracy) == (21, pytest.approx(20 / 21))
    assert found.balanced_accuracy == pytest.approx(2 / 3)


def test_bounds_of_precision_and_recall_are_scipys() -> None:
    rng = np.random.default_rng(1)
    probs = rng.dirichlet(np.ones(3), 60).astype(np.float32)
    truth = [NAMES[at] for at in rng.integers(3, size=60)]
    found = evaluate_probs(probs, NAMES, truth, "held-out images")
    for at, row in enumerate(found.per_class):
        right, said = found.confusion[at][at], sum(counts[at] for counts in found.confusion)
        for measure, of in (("recall", row["support"]), ("precision", said)):
            golden = binomtest(right, int(of)).proportion_ci(0.95, method="wilson")
            assert (row[f"{measure}_low"], row[f"{measure}_high"]) == pytest.approx(golden, abs=1e-12)
            assert row[f"{measure}_low"] < row[measure] < row[f"{measure}_high"]


def test_bounds_at_the_ends_and_of_nothing() -> None:
    low, high = wilson_interval(np.array([0, 7, 0]), np.array([7, 7, 0]))
    assert (low[0], high[1]) == (0, 1)
    assert high[0] == pytest.approx(1 - low[1])
    assert (low[2], high[2]) == (0, 1), "of nothing nothing is known"


def test_the_calibration_error_by_hand() -> None:
    # 0.95 in the last of 15 bins: 3 of 4 right; 0.5 in the 8th: 1 of 2 right; 1/3 in the 5th: wrong.
    confidence = np.array([0.95, 0.95, 0.95, 0.95, 0.5, 0.5, 1 / 3])
    right = np.array([1, 1, 1, 0, 1, 0, 0], bool)
    assert calibration_error(confidence, right) == pytest.approx((4 * 0.2 + 0 + 1 / 3) / 7)


def test_what_is_as_sure_as_it_is_right_has_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(3) / 2, 20_000).astype(np.float32)
    truth = [NAMES[at] for at in (probs.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1).clip(max=2)]
    found = evaluate_probs(probs, NAMES, truth, "held-out images")
    sure = np.eye(3, dtype=np.float32)[probs.argmax(axis=1)]
    too_sure = evaluate_probs(sure, NAMES, truth, "held-out images")
    assert found.calibration_error == pytest.approx(0, abs=0.015)
    assert too_sure.calibration_error == pytest.approx(1 - found.accuracy)
    assert found.log_loss is not None
    assert too_sure.log_loss is not None
    assert too_sure.log_loss > 2 * found.log_loss


def test_classes_that_no_test_image_has_are_listed_and_those_unknown_cost_dearly() -> None:
    probs = np.array([[0.9, 0.1, 0], [0.2, 0.8, 0]], np.float32)
    found = evaluate_probs(probs, ("a", "b", "never"), ["a", "z"], "held-out images")
    assert found.classes == ("a", "b", "never", "z")
    assert found.confusion == ((1, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0), (0, 1, 0, 0))
    assert found.per_class[2]["support"] == 0
    assert found.log_loss == pytest.approx((-np.log(0.9) - np.log(np.finfo(np.float32).eps)) / 2, rel=1e-3)


def test_one_class_only_can_be_measured() -> None:
    found = evaluate_probs(np.ones((3, 1), np.float32), ("a",), ["a"] * 3, "held-out images")
    assert (found.accuracy, found.log_loss, found.calibration_error, found.micro_f1) == (1, 0, 0, 1)


def test_records_of_before_these_were_measured_can_be_read() -> None:
    measured = evaluate_probs(np.eye(2, dtype=np.float32), ("a", "b"), ["a", "a"], "held-out images")
    old = json.loads(dump_record(replace(round_record(1), evaluation=measured)))
    for name in ("micro_precision", "micro_recall", "micro_f1", "log_loss", "calibration_error"):
        assert old["evaluation"].pop(name) is not None
    found = load_record(json.dumps(old)).evaluation
    assert found is not None
    assert (found.accuracy, found.log_loss, found.calibration_error) == (measured.accuracy, None, None)


def test_what_is_better_when_smaller_is_no_target() -> None:
    assert not {"log_loss", "calibration_error"} & set(METRICS)


def test_a_class_in_one_group_is_not_measured_instead_of_always_missed() -> None:
    y = np.repeat([0, 1, 2], 12)
    x = np.eye(3, dtype=np.float32)[y] * 9
    context = replace(FitContext.unknown(36), groups=np.minimum(np.arange(36), 24))
    counts = {"c": "12 images, all in one sequence"}
    args = (x, y, context, ("a", "b", "c"), np.random.default_rng(0))
    found = cross_validate(Linear, *args, image_counts=counts)
    assert found is not None
    assert (found.n, found.accuracy, found.unmeasured_classes) == (24, 1.0, counts)
    each_in_one = replace(context, groups=y)
    assert cross_validate(Linear, x, y, each_in_one, ("a", "b", "c"), np.random.default_rng(0)) is None
