"""What is said of the distance to the accuracy at which a campaign stops."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from alframe.engine.measuring.intervals import anytime_multiplier, wilson_interval
from alframe.loop.target import count_draws_to_target, describe_distance, describe_target
from alframe.stopping.target_accuracy import TargetAccuracy
from alframe.testing.records import round_record
from alframe.types import Estimate


def estimate(share: float, drawn: int, effective: float = 1.0, images: int = 5_000) -> Estimate:
    """Return an estimate from drawn images that are worth so many independent ones each."""
    (low,), (high,) = wilson_interval(
        np.array([share * drawn * effective]), np.array([drawn * effective]), anytime_multiplier(drawn)
    )
    return Estimate("images without a label", images, drawn, share, low, high, float(low), float(high))


@pytest.mark.parametrize(("share", "effective"), [(1.0, 1.0), (0.95, 1.0), (0.97, 0.8)])
def test_with_as_many_more_draws_the_target_is_reached_and_not_before(share: float, effective: float) -> None:
    now = estimate(share, 40, effective)
    more = count_draws_to_target(now, 0.9)
    assert more is not None
    assert (
        estimate(share, 40 + more, effective).always_low >= 0.9 > estimate(share, 40 + more - 1, effective).always_low
    )


def test_the_documented_number_of_images_is_needed() -> None:
    assert count_draws_to_target(estimate(1.0, 34), 0.9) == 84 - 34


def test_no_number_is_given_where_nobody_can_tell() -> None:
    assert count_draws_to_target(estimate(0.95, 29), 0.9) is None, "too few are drawn for an accuracy"
    assert count_draws_to_target(estimate(0.9, 200), 0.9) is None, "more images like these would never do"
    assert count_draws_to_target(estimate(0.95, 40, images=200), 0.9) is None, "there are not so many images"
    assert describe_distance(estimate(0.85, 100), 0.9) == (
        "Target 90 %: reached when the lower limit is at least 90 %. Now 71 to 93 % (limits for all rounds together)."
    )


def test_the_distance_is_said_until_the_target_is_reached() -> None:
    history: list[Any] = []
    ledger = SimpleNamespace(history=lambda: history)

    def said(stopping: object) -> str:
        return describe_target(cast(Any, SimpleNamespace(ledger=ledger, parts=SimpleNamespace(stopping=stopping))))

    assert said(TargetAccuracy(0.9)) == ""
    history.append(round_record(0, 40, audit=0.9, unlabelled=0.95))
    assert "Target 90 %" in said(TargetAccuracy(0.9))
    assert "more labels drawn at random would be needed if the accuracy stays the same." in said(TargetAccuracy(0.9))
    assert said(TargetAccuracy(0.8)) == "", "it is reached"
    assert said(TargetAccuracy(0.9, metric="macro_f1")) == said(None) == "", "the rule waits for something else"
