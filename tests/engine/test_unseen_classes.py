"""How many classes nobody has labelled yet: by random draws alone, and never above what they can tell."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.engine.measuring.unseen_classes import chao1, estimate_unseen_classes


@pytest.mark.parametrize(
    ("sample", "estimate", "low"),
    [((168, 26, 12, 4), 43.893, 30.511), ((252, 37, 14, 4), 61.403, 43.502)],
    ids=["girdled", "logged"],
)
def test_chao1_is_that_of_inext(sample, estimate, low):
    """The spiders of Hsieh, Ma and Chao 2016, "iNEXT", with the numbers that its documentation prints."""
    assert chao1(*sample) == pytest.approx((estimate, low), abs=1e-3)


def test_with_no_class_alone_nothing_is_left_to_find():
    assert chao1(40, 5, 0, 2) == (5, 5)
    assert chao1(40, 5, 1, 0) == (5, 5)


def draw(classes, n, rng):
    y = rng.choice(classes, n, replace=False)
    return y, np.ones(n), np.bincount(y, minlength=classes.max() + 1)


def test_classes_that_a_sampler_has_found_are_not_unseen():
    y = np.repeat(np.arange(8), [9, 8, 7, 6, 1, 1, 1, 1])
    counts = np.bincount(y, minlength=12)
    unseen = estimate_unseen_classes(y, np.ones(len(y)), counts)
    assert unseen.estimate == pytest.approx(33 / 34 * 4 * 3 / 2)
    counts[8:10] = 3
    fewer = estimate_unseen_classes(y, np.ones(len(y)), counts)
    assert fewer.estimate == pytest.approx(unseen.estimate - 2)
    counts[4:8] = 2  # the sampler has found more of those that were alone
    assert estimate_unseen_classes(y, np.ones(len(y)), counts).largest_share < unseen.largest_share


@pytest.mark.parametrize("counts", [[5, 5, 5, 4], [1] * 11 + [9]], ids=["too few", "most of them alone"])
def test_draws_that_say_too_little_are_refused(counts):
    y = np.repeat(np.arange(len(counts)), counts)
    assert estimate_unseen_classes(y, np.ones(len(y)), np.bincount(y)) is None


def test_images_that_stand_for_more_count_for_more():
    y = np.repeat(np.arange(6), [20, 15, 10, 5, 1, 1])
    counts = np.bincount(y)
    shares = [
        estimate_unseen_classes(y, np.where(counts[y] == 1, alone, 1.0), counts).largest_share for alone in (0.3, 1, 3)
    ]
    assert shares == sorted(shares) and shares[0] < shares[2] / 2


def test_the_bounds_hold_on_a_long_tail():
    """60 of 20,000 images of 50 classes: the lower end of the number, and the upper end of the share."""
    rng = np.random.default_rng(0)
    sizes = np.maximum(1, 20_000 / np.arange(1, 51) / 4.5).astype(int)
    classes = np.repeat(np.arange(50), sizes)
    holds = []
    for _ in range(200):
        unseen = estimate_unseen_classes(*(sample := draw(classes, 60, rng)))
        is_unseen = sample[2] == 0
        holds.append((unseen.low <= is_unseen.sum(), sizes[is_unseen].sum() / sizes.sum() <= unseen.largest_share))
    assert (np.mean(holds, axis=0) > 0.9).all()
