"""The distance of a campaign from the accuracy at which it stops."""

from __future__ import annotations

import math

import numpy as np

from alframe.contracts import HasAccuracyTarget
from alframe.engine.measuring.intervals import anytime_multiplier
from alframe.loop.campaign import Campaign
from alframe.types import Estimate


def describe_target(campaign: Campaign) -> str:
    """Return a sentence on the accuracy at which the campaign stops; "" if there is none, or if it is reached."""
    stopping: object = campaign.parts.stopping
    target = stopping.accuracy_target if isinstance(stopping, HasAccuracyTarget) else None
    history = campaign.ledger.history()
    estimate = history[-1].unlabelled_accuracy if history else None
    return "" if target is None or estimate is None else describe_distance(estimate, target)


def describe_distance(estimate: Estimate, target: float) -> str:
    """Return a sentence on the distance of the `estimate` from the `target` accuracy; "" if it is reached."""
    if estimate.always_low >= target:
        return ""
    low, high = math.floor(100 * estimate.always_low), math.ceil(100 * estimate.always_high)
    text = (
        f"Target {100 * target:g} %: reached when the lower limit is at least {100 * target:g} %. Now {low} to {high} "
        f"% (limits for all rounds together)"
    )
    more = count_draws_to_target(estimate, target)
    if more is None:
        return f"{text}."
    step = 10 ** max(len(str(more)) - 2, 0)
    about = math.ceil(more / step) * step
    return f"{text}; about {about:,} more labels drawn at random would be needed if the accuracy stays the same."


def count_draws_to_target(estimate: Estimate, target: float) -> int | None:
    """Return how many more images drawn at random would raise the lower limit to `target`, at the same accuracy.

    Wilson's interval is solved for the number of images. Each further image counts as much as an image so far. Return
    None if too few images are drawn for an accuracy (`is_small`), if the accuracy is not above the target, or if more
    images would be needed than there are.
    """
    share, low = estimate.accuracy, estimate.always_low
    if estimate.is_small or share <= target or low <= 0:
        return None
    drawn = np.arange(estimate.n, estimate.n + estimate.images + 1)
    squares = np.square(anytime_multiplier(drawn))
    worth_one = squares[0] * low * (1 - low) / (share - low) ** 2 / estimate.n
    is_enough = worth_one * drawn * (share - target) ** 2 >= squares * target * (1 - target)
    return int(is_enough.argmax()) if is_enough.any() else None
