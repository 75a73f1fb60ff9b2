"""Compute intervals of shares: for images with or without weights, and for one or any number of measurements."""

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
    """Return bounds (n,) of `hits` (n,) / `totals` (n,): Wilson's score interval (1927); 0 and 1 if a total is 0.

    The bounds are `multiplier` standard errors away. The default gives 95 % confidence.
    """
    square = np.square(multiplier)
    middle = hits + square / 2
    half = np.sqrt(square * (hits * (totals - hits) / np.maximum(totals, np.finfo(float).tiny) + square / 4))
    low, high = (middle - half) / (totals + square), (middle + half) / (totals + square)
    # Exactly at the ends, where rounding would leave a bound on the wrong side of the share.
    return np.where(hits == 0, 0.0, low), np.where(hits == totals, 1.0, high)


def difference_interval(share: float, effective: float, variance: float, multiplier: float) -> tuple[float, float]:
    """Return bounds of a `share` that is an estimated sum without a known one, divided by the number of images.

    They are the wider of two kinds of bounds: Wilson's, for this `effective` number of images, and bounds that are
    `multiplier` standard errors away, from the `variance` of the share. Wilson's upper bound assumes that the share
    cannot be 1 if a drawn image is wrong. But a difference can be 1: all wrong images may be among the known ones.
    """
    (low,), (high,) = wilson_interval(np.array([share * effective]), np.array([effective]), multiplier)
    half = multiplier * math.sqrt(variance)
    return min(float(low), max(share - half, 0.0)), max(float(high), min(share + half, 1.0))


def single_look_multiplier(images: int) -> float:
    """Return the number of standard errors of an interval for one measurement, with the error estimated from `images`.

    It is Student's quantile with `images` - 2 degrees of freedom, because a mean and a slope are estimated too.
    """
    from scipy.special import stdtrit

    return float(stdtrit(images - 2, (1 + CONFIDENCE) / 2))


def anytime_multiplier(images: int | Ints) -> float | Floats64:
    """Return the number of standard errors of an interval that may be computed again after every image.

    With 95 % confidence, all intervals at 1, 2, 3 ... images are right (a confidence sequence). The usual interval of
    1.96 standard errors is wrong at some time. Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas,
    "Time-uniform central limit theory and asymptotic confidence sequences" (2024, arXiv 2103.06476), equation 7, and
    for the scale, at which it is narrowest for BEST_AT images, their appendix B.2.
    """
    alpha = 1 - CONFIDENCE
    scale = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / BEST_AT
    spread = scale * np.maximum(images, 1)
    return np.sqrt(2 * (1 + 1 / spread) * (np.log1p(spread) / 2 - math.log(alpha)))


def effective_sample_sizes(share: Floats64, squares: Floats64, variance: Floats64, count: Ints) -> Floats64:
    """Return (n,) the number of images with equal weights that would give each `share` (n,) as exactly as the weighted.

    `squares` (n,): sums of the squared weights, which are parts of the whole; `variance` (n,): of the estimated share;
    `count` (n,): the number of images, at least 1. A few images do not show their variance, so PRIOR_IMAGES images with
    the variance of a share are added. Otherwise five images that are all right would have the variance 0.
    """
    prior = (share * count + 2) / (count + 4)  # as Agresti and Coull 1998
    added = PRIOR_IMAGES * prior * (1 - prior)
    ratio = (variance / squares * count + added) / (share * (1 - share) * count + added)
    return np.asarray(1 / (ratio * squares), np.float64)
