"""No gain."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.errors import BadParams
from alframe.stopping.no_gain import NoGain
from alframe.testing.records import round_record
from alframe.testing.stopping import StoppingSuite
from alframe.types.rounds import MIN_ACCURACY_IMAGES


def rounds(accuracies, **more):
    return [round_record(number, 20 * number, one, **more) for number, one in enumerate(accuracies, 1)]


def audits(accuracies, **more):
    return [round_record(number, audit=one, **more) for number, one in enumerate(accuracies, 1)]


class TestNoGain(StoppingSuite):
    def make(self):
        return NoGain(rounds=2, gain=0.01)

    def finished_history(self):
        return [round_record(0, accuracy=None), *rounds([0.5, 0.7, 0.8, 0.8, 0.8, 0.8])]


class TestNoGainByTheAudit(StoppingSuite):
    def make(self):
        return NoGain(rounds=2, gain=0.0)

    def finished_history(self):
        audited = enumerate([0.5, 0.6, 0.6, 0.7, 0.6, 0.6])
        return [round_record(number, audit=one, accuracy=number / 10) for number, one in audited]


class TestNoGainWithLimit(StoppingSuite):
    def make(self):
        return NoGain(labels=60)

    def finished_history(self):
        return rounds([0.5, 0.6, 0.7])


def test_a_gain_of_exactly_so_much_is_none():
    history = rounds([0.7, 0.7, 0.71, 0.71])
    assert NoGain(rounds=2, gain=0.01).decide(history)
    assert NoGain(rounds=2, gain=0.009).decide(history) is None


def test_one_lucky_round_long_ago_stops_nothing():
    history = rounds([0.95, 0.6, 0.62, 0.66, 0.68, 0.72, 0.74])
    assert NoGain(rounds=2).decide(history) is None


def test_one_unlucky_round_stops_nothing():
    assert NoGain(rounds=3).decide(rounds([0.6, 0.62, 0.64, 0.7, 0.6, 0.74])) is None


def test_a_round_that_was_corrected_counts_once():
    history = [*rounds([0.5, 0.6, 0.7]), *[round_record(4, accuracy=0.8)] * 5]
    assert NoGain(rounds=2).decide(history) is None


def test_only_what_was_measured_alike_is_compared():
    held_out, then = rounds([0.9, 0.9]), audits([0.5, 0.5])
    mixed = [*held_out, *(round_record(number, audit=one.audit.accuracy) for number, one in enumerate(then, 3))]
    assert NoGain(rounds=2).decide(mixed) is None


def test_small_audits_say_nothing_yet():
    assert NoGain(rounds=2).decide(audits([0.5] * 8, audited=MIN_ACCURACY_IMAGES - 1)) is None
    assert NoGain(rounds=2).decide(audits([0.5] * 8, audited=MIN_ACCURACY_IMAGES))


def test_the_reason_has_both_numbers():
    reason = NoGain(rounds=2).decide(rounds([0.8, 0.8, 0.8, 0.8]))
    assert all(word in reason for word in ("last 2 rounds is 80.0%", "80 labels", "test split"))


@pytest.mark.parametrize("wrong", [{"rounds": 0}, {"gain": -0.1}, {"gain": 5}, {"labels": 0}])
def test_values_that_cannot_be(wrong):
    with pytest.raises(BadParams, match="stopping 'no_gain'"):
        NoGain(**wrong)


def test_it_stops_where_the_curve_is_flat_despite_noise():
    """Ten more audited images a round, and a curve that rises from 50 to 90 %: hardly anything is left to gain."""
    truth = 0.9 - 0.4 * np.exp(-np.arange(80) / 8)
    left = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        right = rng.random(800)  # the same images are measured again and again
        noisy = [(right[: 10 * n] + rng.normal(0, 0.05, 10 * n) < truth[n - 1]).mean() for n in range(1, 81)]
        history = audits(noisy)
        stopped = next(n for n in range(1, 81) if NoGain().decide(history[:n]))
        left.append(0.9 - truth[stopped - 1])
    assert np.median(left) < 0.015 and np.quantile(left, 0.95) < 0.05
