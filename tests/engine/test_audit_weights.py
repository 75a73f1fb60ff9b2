"""Sums over populations are estimated without bias from draws of all rounds, whatever a sampler takes in between."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.engine.measuring.audit_weights import weigh_audit
from alframe.types import AuditDraw

POOL = 120
Y = np.random.default_rng(5).normal(size=POOL) + np.arange(POOL) / 40


def play(rng: np.random.Generator, strata: int = 1, late: int = 0) -> tuple[list[AuditDraw], np.ndarray]:
    """Three rounds in which a sampler takes the largest `Y`, or the smallest if the draw was above the average.

    The last `late` images come to the pool after the first round. Returns the draws, and which images are labelled.
    """
    labelled, draws = np.zeros(POOL, bool), []
    for number in range(3):
        there = ~labelled & (np.arange(POOL) < (POOL if number else POOL - late))
        numbers = np.where(there, 1 + np.arange(POOL) * strata // POOL, 0)
        groups = [np.flatnonzero(numbers == each) for each in range(1, strata + 1)]
        # Unlike the shares of the strata, so that an image of one stands for more than one of another.
        keys = np.concatenate([rng.choice(group, 2 * each, replace=False) for each, group in enumerate(groups, 1)])
        draws.append(AuditDraw(keys, numbers))
        labelled[keys] = True
        rest = np.flatnonzero(there & ~labelled)
        order = rest[np.argsort(Y[rest])]
        labelled[order[:6] if Y[keys].mean() > Y.mean() else order[-6:]] = True
    return draws, labelled


@pytest.mark.parametrize(("strata", "late"), [(1, 0), (3, 0), (3, 30)])
def test_sums_over_the_unlabelled_and_over_all_images_have_no_bias(strata: int, late: int) -> None:
    errors = []
    for seed in range(1500):
        draws, labelled = play(np.random.default_rng(seed), strata, late)
        weights = weigh_audit(draws, labelled, ~labelled)
        assert weights.could_be_drawn.all()
        rest = (weights.drawn * Y).sum() - (weights.labelled * Y).sum()
        whole = ((weights.drawn + 1 - weights.labelled) * Y)[labelled].sum()
        errors.append((rest - Y[~labelled].sum(), whole - Y.sum()))
        naive = np.concatenate([draw.keys for draw in draws])
        errors[-1] += (len(Y) * Y[naive].mean() - Y.sum(),)
    mean, error = np.mean(errors, axis=0), np.std(errors, axis=0) / np.sqrt(len(errors))
    assert (np.abs(mean[:2]) < 3.5 * error[:2]).all()
    if strata > 1:
        assert abs(mean[2]) > 5 * error[2], "all drawn images alike: the bias is there to be found"


def test_the_weights_count_the_images() -> None:
    draws, labelled = play(np.random.default_rng(0), strata=3)
    weights = weigh_audit(draws, labelled, ~labelled)
    assert (weights.drawn - weights.labelled).sum() == pytest.approx((~labelled).sum())
    assert (weights.drawn[labelled] > 0).sum() == sum(len(draw.keys) for draw in draws)


def test_images_that_are_gone_count_for_nothing() -> None:
    draws, labelled = play(np.random.default_rng(0))
    unlabelled = ~labelled
    unlabelled[np.flatnonzero(unlabelled)[:10]] = False
    weights = weigh_audit(draws, labelled, unlabelled)
    assert (weights.drawn - weights.labelled).sum() == pytest.approx(unlabelled.sum())
    assert not weights.could_be_drawn[~labelled & ~unlabelled].any()


def test_a_drawn_image_without_an_answer_is_taken_to_be_like_the_others() -> None:
    draws, labelled = play(np.random.default_rng(0), strata=2)
    labelled[draws[1].keys[0]] = False
    weights = weigh_audit(draws, labelled, ~labelled)
    assert (weights.drawn - weights.labelled).sum() == pytest.approx((~labelled).sum())
    labelled[draws[1].keys] = False  # a whole round, and with it a stratum
    weights = weigh_audit(draws, labelled, ~labelled)
    assert (weights.drawn - weights.labelled).sum() == pytest.approx((~labelled).sum())


def test_images_that_no_round_could_draw_are_not_covered() -> None:
    draws, labelled = play(np.random.default_rng(0))
    grown = np.append(labelled, [False] * 7)
    weights = weigh_audit(draws, grown, ~grown)
    assert weights.could_be_drawn.tolist() == [True] * POOL + [False] * 7
    assert (weights.drawn - weights.labelled).sum() == pytest.approx((~labelled).sum())
    nothing = weigh_audit([], grown, ~grown)
    assert not nothing.could_be_drawn.any() and not nothing.drawn.any()
