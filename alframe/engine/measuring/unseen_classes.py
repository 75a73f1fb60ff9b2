"""Estimate from images drawn at random how many classes of the pool have no label yet."""

from __future__ import annotations

import math

import numpy as np

from alframe.engine.measuring.intervals import CONFIDENCE, Z_SCORE
from alframe.types import Floats64, Ints, UnseenClasses

MIN_DRAWN_IMAGES = 20
MAX_SINGLETON_SHARE = 0.5  # of the drawn images, those alone in their class: with more, too much of the pool is unknown


def estimate_unseen_classes(y: Ints, weights: Floats64, label_counts: Ints) -> UnseenClasses | None:
    """Estimate the number of classes without a label; None if too few images were drawn.

    `y` (n,) are the class numbers of images drawn at random, each of which stands for `weights` (n,) images, in any
    unit. `label_counts` (C,) are the numbers of all labels of each class: the choice of a sampler is no random sample,
    but it shows that a class exists. At least 20 drawn images are needed, and at most half of them may be the only
    image of their class.

    The number of all classes is Chao1 (Chao 1984, "Nonparametric estimation of the number of classes in a population"),
    which is a lower bound on average, also for unequal weights. Its log-normal interval (Chao 1987) misses very rare
    classes, so only the lower end is given. The share of the images of these classes has an upper bound: the exact
    binomial bound of the share of drawn images with the only label of their class (Good 1953).
    """
    from scipy.special import betaincinv

    n, drawn_counts = len(y), np.bincount(y, minlength=len(label_counts))
    singletons, doubletons = (int(np.count_nonzero(drawn_counts == count)) for count in (1, 2))
    if n < MIN_DRAWN_IMAGES or singletons > MAX_SINGLETON_SHARE * n:
        return None
    observed, known = np.count_nonzero(drawn_counts), np.count_nonzero(label_counts)
    estimate, low = chao1(n, int(observed), singletons, doubletons)
    effective = weights.sum() ** 2 / np.square(weights).sum()
    hits = effective * float(np.average(label_counts[y] == 1, weights=weights))
    largest_share = float(betaincinv(hits + 1, effective - hits, (1 + CONFIDENCE) / 2))
    return UnseenClasses(n, max(0.0, estimate - known), max(0.0, low - known), largest_share)


def chao1(n: int, observed: int, singletons: int, doubletons: int) -> tuple[float, float]:
    """Return the Chao1 estimate of all classes and the lower end of its 95 % interval, from `n` random images.

    `singletons` and `doubletons` count the `observed` classes with one image and with two. Corrected for n as in
    EstimateS (Colwell 2013, "EstimateS: statistical estimation of species richness", appendix B).
    """
    share = (n - 1) / n
    if doubletons:
        ratio = singletons / doubletons
        missing = share * singletons * ratio / 2
        variance = doubletons * (share / 2 * ratio**2 + share**2 * ratio**3 + share**2 / 4 * ratio**4)
    else:
        missing = share * singletons * (singletons - 1) / 2
        spread = missing + share**2 * singletons * (2 * singletons - 1) ** 2 / 4
        variance = spread - share**2 * singletons**4 / (4 * (observed + missing))
    if not missing:
        return float(observed), float(observed)
    return observed + missing, observed + missing / math.exp(Z_SCORE * math.sqrt(math.log1p(variance / missing**2)))
