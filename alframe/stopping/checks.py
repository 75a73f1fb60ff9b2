"""What the rules share: a number that is high enough, and a limit of labels beside it."""

from __future__ import annotations

from typing import get_type_hints

from alframe.errors import BadParams
from alframe.kit.suggestions import did_you_mean
from alframe.types import Evaluation, RoundRecord

METRICS = [name for name, kind in get_type_hints(Evaluation).items() if kind in (int, float)]


def check_metric(rule: str, metric: str, at_least: float) -> None:
    """Raises BadParams for an unknown metric, or one that can never be `at_least` so much."""
    if metric not in METRICS:
        raise BadParams(
            f"stopping '{rule}' knows no metric '{metric}'.{did_you_mean(metric, METRICS)} Known: {', '.join(METRICS)}."
        )
    if metric != "n" and not 0 < at_least <= 1:
        raise BadParams(f"stopping '{rule}' wants at_least as a fraction: 0.95 for 95 %, and was given {at_least}.")
    if metric == "low" and at_least == 1:
        raise BadParams(f"stopping '{rule}' would never stop: no number of images proves 100 %. Lower at_least.")


def check_labels(rule: str, labels: int | None) -> None:
    """Raises BadParams for a limit of fewer than one label; None is no limit."""
    if labels is not None and labels < 1:
        raise BadParams(f"stopping '{rule}' needs labels of 1 or more, or null; it was given labels={labels}.")


def reached(measured: Evaluation | None, metric: str, at_least: float, labels: int) -> str | None:
    """The reason to stop when `metric` is high enough; None where it is not, or nothing was measured."""
    if measured is None or (value := getattr(measured, metric)) < at_least:
        return None
    told = f"{metric} is {value:.4g}, and {at_least:.4g} was wanted"
    if metric == "low":
        told = f"right on at least {100 * value:.1f} of 100 images, and {100 * at_least:g} were wanted"
    return f"The target is reached: {told} ({labels} labels; {measured.basis}, {measured.n} images)."


def spent(limit: int | None, last: RoundRecord, before: str) -> str | None:
    """The reason to stop when `limit` labels are there `before` what was waited for."""
    return None if limit is None or last.labels < limit else f"The limit of {limit} labels is reached, before {before}."


def room(limit: int | None, labels: int) -> int | None:
    """How many labels are left; None without a limit."""
    return None if limit is None else max(0, limit - labels)
