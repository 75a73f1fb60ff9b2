"""The weight of each image drawn at random, for the images that are unlabelled now and for the whole pool.

Let `y` be any number of each image, such as 1 if the model is right and 0 if it is wrong. In round `r`, `a` of the `N`
candidates are drawn at random. Then `N` times the mean of `y` over the drawn images estimates the sum of `y` over all
candidates of that round without bias (with strata: the sum of these numbers over the strata).

- Some of these candidates are labelled now, chosen in any way. Their `y` is known. If it is subtracted, the rest of the
  estimated sum is an estimate for the images that are **still unlabelled**. It has no bias either, because a known
  number is subtracted. It does not matter that the sampler has learned from the drawn images.
- Other images were labelled before round `r`. If their `y` is added, the sum is over the **whole pool**.

So each round gives an estimate of the same number, after known numbers are subtracted or added. The errors of the
rounds are uncorrelated, because each draw is random given all earlier draws (a martingale). The estimates are averaged
with weights of `a / N**2`, which are proportional to the inverses of their variances. This is Des Raj's estimator for
draws without replacement (Sankhya 17, 1956; in active learning: Farquhar, Gal and Rainforth 2021, arXiv 2101.11665).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alframe.types import AuditDraw, Bools, Floats64, Ints


@dataclass(frozen=True, slots=True)
class AuditWeights:
    """The weight of each image, by item key.

    `drawn` (N,): the number of images for which an image that was drawn at random stands; 0 for others. `labelled`
    (N,): the part of each labelled image for which drawn images stand too, so that it must be subtracted.
    `could_be_drawn` (N,): whether the image could be drawn in some round. For any `y` (N,), `sum(drawn * y) -
    sum(labelled * y)` estimates the sum of `y` over the images without a label that could be drawn. The sum
    `sum((drawn + 1 - labelled) * y)` over the labelled images estimates its sum over these images and the images that
    could be drawn.
    """

    drawn: Floats64
    labelled: Floats64
    could_be_drawn: Bools


def weigh_audit(draws: Sequence[AuditDraw], labelled: Bools, unlabelled: Bools) -> AuditWeights:
    """Return the weights from all `draws`, oldest first. (N,) say which items are `labelled` and `unlabelled` now.

    Items that are neither (gone, unreadable, held out) do not count. A drawn image without a label counts like the
    labelled images of its stratum. Images that came to the pool later are estimated separately, from the draws in which
    they could be. An image that could not be drawn in some rounds, because it had just been requested, counts like the
    others.
    """
    first_draw = _find_first_possible_draws(draws, labelled | unlabelled)
    drawn, taken_off = np.zeros(len(labelled)), np.zeros(len(labelled))
    could_be_drawn = np.zeros(len(labelled), bool)
    for first in np.unique(first_draw[first_draw >= 0]).tolist():
        members = np.flatnonzero(first_draw == first)
        is_labelled = labelled[members]
        drawn_parts, labelled_parts, total = np.zeros(len(members)), np.zeros(len(members)), 0.0
        for draw in draws[first:]:
            strata = _strata_of(draw, members)
            is_candidate = strata > 0
            is_drawn = is_candidate & is_labelled & np.isin(members, draw.keys)
            count, size = np.count_nonzero(is_drawn), np.count_nonzero(is_candidate)
            if not count:
                continue
            waiting = np.count_nonzero(is_candidate & ~is_labelled)
            part = count / size**2 * (np.count_nonzero(~is_labelled) / waiting if waiting else 1.0)
            drawn_parts[is_drawn] += part * _weights_of_drawn(strata[is_candidate], strata[is_drawn])
            labelled_parts[is_candidate & is_labelled] += part
            total += count / size**2
        if total:
            could_be_drawn[members] = True
            drawn[members], taken_off[members] = drawn_parts / total, labelled_parts / total
    return AuditWeights(drawn, taken_off, could_be_drawn)


def _find_first_possible_draws(draws: Sequence[AuditDraw], is_counted: Bools) -> Ints:
    """Return (N,) the first draw in which each item could be; -1 if there is none, or if `is_counted` (N,) is False."""
    first = np.full(len(is_counted), -1, np.int64)
    for number, draw in enumerate(draws):
        strata = draw.strata[: len(is_counted)]
        first[: len(strata)][(strata > 0) & (first[: len(strata)] < 0)] = number
    first[~is_counted] = -1
    return first


def _strata_of(draw: AuditDraw, keys: Ints) -> Ints:
    """Return (k,) the strata of the `keys` (k,)."""
    known = keys < len(draw.strata)
    return np.where(known, draw.strata[np.where(known, keys, 0)] if len(draw.strata) else 0, 0)


def _weights_of_drawn(candidate_strata: Ints, drawn_strata: Ints) -> Floats64:
    """Return (a,) how many candidates each drawn image stands for, from the strata of candidates (n,) and drawn (a,).

    If a stratum has no labelled drawn image, it is joined with the nearest stratum by number, which has similar images.
    """
    strata, sizes = np.unique(candidate_strata, return_counts=True)
    answered, where, counts = np.unique(drawn_strata, return_inverse=True, return_counts=True)
    nearest = np.abs(strata[:, None] - answered).argmin(axis=1)
    return np.asarray((np.bincount(nearest, sizes, len(answered)) / counts)[where], np.float64)
