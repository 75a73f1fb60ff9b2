"""Intervals of shares: of images that count alike or have weights, for one look or for any number of looks."""

from __future__ import annotations

import math

import numpy as np

from alframe.types import Floats64, Ints

CONFIDENCE = 0.95
Z_SCORE = 1.959963984540054  # standard errors on either side: the normal distribution's quantile of 97.5 %
BEST_AT = 100  # images for which the interval for any number of looks is as narrow as it can be
PRIOR_IMAGES = 10  # that vary as a share's images do without weights, added where few images tell how they vary


def wilson_interval(
    hits: Ints | Floats64, totals: Ints | Floats64, multiplier: float | Floats64 = Z_SCORE
) -> tuple[Floats64, Floats64]:
    """Return bounds (n,) of `hits` (n,) / `totals` (n,): Wilson's score interval (1927); 0 and 1 of nothing.

    The bounds are `multiplier` standard errors away; by default, that gives 95 % confidence.
    """
    square = np.square(multiplier)
    middle = hits + square / 2
    half = np.sqrt(square * (hits * (totals - hits) / np.maximum(totals, np.finfo(float).tiny) + square / 4))
    low, high = (middle - half) / (totals + square), (middle + half) / (totals + square)
    # Exactly at the ends, where rounding would leave a bound on the wrong side of the share.
    return np.where(hits == 0, 0.0, low), np.where(hits == totals, 1.0, high)


def difference_interval(share: float, effective: float, variance: float, multiplier: float) -> tuple[float, float]:
    """Return bounds of a `share` that is an estimated sum without a known one, divided by the number of images.

    They are the wider of Wilson's, for so many `effective` images, and those that are `multiplier` standard errors
    away, from the `variance` of the share. Near 1, Wilson's upper bound is for a share of images that are drawn alone.
    If one of them is wrong, the share cannot be 1. But of a difference it can be: the wrong ones may all be known.
    """
    (low,), (high,) = wilson_interval(np.array([share * effective]), np.array([effective]), multiplier)
    half = multiplier * math.sqrt(variance)
    return min(float(low), max(share - half, 0.0)), max(float(high), min(share + half, 1.0))


def single_look_multiplier(images: int) -> float:
    """Return how many standard errors wide an interval of one look is, if so many `images` tell the standard error.

    It is Student's quantile with `images` - 2 degrees of freedom: a mean and a slope are estimated from them as well.
    """
    from scipy.special import stdtrit

    return float(stdtrit(images - 2, (1 + CONFIDENCE) / 2))


def anytime_multiplier(images: int | Ints) -> float | Floats64:
    """Return how many standard errors wide an interval of `images` is that may be looked at after every image.

    With 95 % confidence, none of the intervals at 1, 2, 3 ... images is wrong (a confidence sequence), while the usual
    one with 1.96 standard errors is wrong sooner or later. Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas,
    "Time-uniform central limit theory and asymptotic confidence sequences" (2024, arXiv 2103.06476), equation 7, and
    for the scale, at which it is narrowest for BEST_AT images, their appendix B.2.
    """
    alpha = 1 - CONFIDENCE
    scale = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / BEST_AT
    spread = scale * np.maximum(images, 1)
    return np.sqrt(2 * (1 + 1 / spread) * (np.log1p(spread) / 2 - math.log(alpha)))


def effective_sample_sizes(share: Floats64, squares: Floats64, variance: Floats64, count: Ints) -> Floats64:
    """Return (n,) how many images, each counting alike, would tell as much of each `share` (n,) as weighted ones do.

    `squares` (n,): sums of the squared weights, which are parts of the whole; `variance` (n,): of the estimated share;
    `count` (n,): images, at least 1. Few images tell little of their variance, so PRIOR_IMAGES are added that vary as
    those of a share do. Otherwise five images that are all right would have no variance at all.
    """
    prior = (share * count + 2) / (count + 4)  # as Agresti and Coull 1998
    added = PRIOR_IMAGES * prior * (1 - prior)
    ratio = (variance / squares * count + added) / (share * (1 - share) * count + added)
    return np.asarray(1 / (ratio * squares), np.float64)
