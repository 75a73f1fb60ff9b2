"""The target."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score

from alframe.engine.measuring.evaluate import evaluate_probs
from alframe.errors import BadParams
from alframe.stopping.limits import METRICS
from alframe.stopping.target import Target
from alframe.testing.records import round_record
from alframe.testing.stopping import StoppingSuite


class TestTarget(StoppingSuite):
    def make(self):
        return Target(at_least=0.9)

    def finished_history(self):
        return [round_record(0, accuracy=None), round_record(1, accuracy=0.89), round_record(2, accuracy=0.9)]


class TestTargetWithLimit(StoppingSuite):
    def make(self):
        return Target(metric="macro_f1", at_least=0.99, labels=60)

    def finished_history(self):
        return [round_record(0, 20, accuracy=0.8), round_record(1, 60, accuracy=None)]


def test_the_lower_bound_asks_for_more():
    history = [round_record(0, accuracy=0.95)]
    assert Target("accuracy", 0.9).decide(history)
    assert Target("low", 0.9).decide(history) is None
    assert Target("low", 0.9).decide([round_record(0, accuracy=0.97)])


def test_the_reason_says_what_was_measured():
    reason = Target("low", 0.9).decide([round_record(0, labels=40, accuracy=0.97)])
    assert all(
        word in reason
        for word in ("at least 91.0 of 100 images", "90 were required", "40 labels", "test split", "200 images")
    )


def test_macro_f1_is_scikit_learns_and_what_it_leaves_out_is_named():
    truth = ["a"] * 60 + ["b"] * 40
    guess = [0] * 60 + [1] * 38 + [2] * 2  # two of b are taken for c, which no image shows
    measured = evaluate_probs(np.eye(3, dtype=np.float32)[guess], ("a", "b", "c"), truth, "test split")
    history = [replace(round_record(0), evaluation=measured)]
    assert measured.macro_f1 > 0.95
    assert measured.sklearn_macro_f1 == pytest.approx(
        f1_score([*"a" * 60, *"b" * 40], ["abc"[at] for at in guess], average="macro")
    )
    assert Target("macro_f1", 0.9).decide(history) is None
    assert "averages over 2 of 3 classes; not measured: c)" in Target("macro_f1", 0.6).decide(history)
    old = [replace(history[0], evaluation=replace(measured, sklearn_macro_f1=None))]
    assert Target("macro_f1", 0.9).decide(old)


def test_an_unknown_metric_names_the_known_ones():
    with pytest.raises(BadParams, match=r"'macro_f'\. Did you mean 'macro_f1'\? Known: n, accuracy, low") as error:
        Target("macro_f")
    assert all(metric in str(error.value) for metric in METRICS)
    assert not {"basis", "classes", "confusion", "per_class"} & set(METRICS)


def test_a_target_that_no_number_of_images_can_prove():
    assert Target("accuracy", 1.0).decide([round_record(0, accuracy=1.0)])
    with pytest.raises(BadParams, match="would never stop"):
        Target("low", 1.0)


@pytest.mark.parametrize(("at_least", "labels"), [(95, None), (0, None), (0.9, 0)])
def test_values_that_cannot_be(at_least, labels):
    with pytest.raises(BadParams, match="stopping 'target'"):
        Target(at_least=at_least, labels=labels)
