"""The target in the pool."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.engine.measuring.intervals import Z_SCORE, anytime_multiplier, wilson_interval
from alframe.errors import BadParams
from alframe.stopping.target_accuracy import TargetAccuracy
from alframe.testing.records import round_record
from alframe.testing.stopping import StoppingSuite


class TestTargetAccuracy(StoppingSuite):
    def make(self):
        return TargetAccuracy(at_least=0.8)

    def finished_history(self):
        return [round_record(0), round_record(1, audit=0.85), round_record(2, accuracy=None, audit=0.86)]


class TestTargetAccuracyWithLimit(StoppingSuite):
    def make(self):
        return TargetAccuracy(metric="macro_recall", labels=60)

    def finished_history(self):
        return [round_record(0, 20), round_record(1, 60, audit=0.8)]


def test_only_the_audit_counts():
    assert TargetAccuracy(0.8).decide([round_record(0, accuracy=1.0)]) is None
    assert TargetAccuracy(0.8).decide([round_record(0, accuracy=1.0, audit=0.5)]) is None
    assert TargetAccuracy(0.8).decide([round_record(0, accuracy=0.1, audit=0.9)])


def test_the_reason_says_what_was_measured():
    reason = TargetAccuracy(0.8).decide([round_record(0, labels=40, audit=0.9)])
    assert all(
        word in reason
        for word in ("at least 84.0 of 100 images", "80 were required", "40 labels", "drawn at random", "80 images")
    )


def test_it_stops_by_the_interval_of_all_looks_on_the_images_without_a_label():
    record = round_record(0, labels=40, accuracy=None, audit=0.99, unlabelled=0.9)
    assert record.unlabelled_accuracy.low > TargetAccuracy(0.81).at_least > record.unlabelled_accuracy.always_low
    assert TargetAccuracy(0.81).decide([record]) is None
    reason = TargetAccuracy(0.8).decide([record])
    about = "at least 80.0 of 100 of the 1,000 images without a label"
    for words in (about, "80 were required", "although the rule checks in every round"):
        assert words in reason
    assert TargetAccuracy(0.98, metric="accuracy").decide([record]), "another number is the audit's"


def test_a_limit_without_any_audit_says_so():
    reason = TargetAccuracy(labels=60).decide([round_record(0, labels=60)])
    assert "too few images drawn at random" in reason
    assert "too few" not in TargetAccuracy(labels=60).decide([round_record(0, labels=60, audit=0.5)])


def test_it_asks_for_an_audit():
    assert TargetAccuracy.needs_audit


@pytest.mark.parametrize("wrong", [{"at_least": 90}, {"at_least": 1.0}, {"metric": "lo"}, {"labels": 0}])
def test_values_that_cannot_be(wrong):
    with pytest.raises(BadParams, match="stopping 'target_accuracy'"):
        TargetAccuracy(**wrong)


def test_the_numbers_of_the_docs():
    """How many images prove 90 %, by the share that is right; and how often looking every round is wrong."""
    images = np.arange(1, 2000)
    for share, once, always in ((1.0, 35, 84), (0.97, 70, 170), (0.95, 130, 350), (0.93, 360, 1050)):
        for multiplier, least in ((Z_SCORE, once), (anytime_multiplier(images), always)):
            low, _ = wilson_interval(share * images, images, multiplier)
            assert abs(int(images[low >= 0.9][0]) - least) <= 0.1 * least, share
    rng, totals = np.random.default_rng(0), np.broadcast_to(10 * np.arange(1, 51), (4000, 50))
    for share, once, always in ((0.88, 0.02, 0), (0.899, 0.1, 0.002)):
        hits = np.cumsum(rng.binomial(10, share, totals.shape), axis=1)
        low, _ = wilson_interval(hits, totals)
        assert abs((low >= 0.9).any(axis=1).mean() - once) < 0.015
        low, _ = wilson_interval(hits, totals, anytime_multiplier(totals))
        assert abs((low >= 0.9).any(axis=1).mean() - always) < 0.003
