"""Functions that stopping rules share: whether a metric is high enough, and whether the labels are used up."""

from __future__ import annotations

from typing import get_type_hints

from alframe.errors import BadParams
from alframe.kit.evaluations import describe_unmeasured_classes
from alframe.kit.parameters import did_you_mean, require_parameter
from alframe.types import Evaluation, RoundRecord

METRICS = [name for name, kind in get_type_hints(Evaluation).items() if kind in (int, float)]


def require_metric(rule: str, metric: str, at_least: float) -> None:
    """Raise BadParams for an unknown metric, or one that can never be `at_least` so high."""
    if metric not in METRICS:
        raise BadParams(
            f"stopping '{rule}': there is no metric '{metric}'.{did_you_mean(metric, METRICS)} "
            f"Known: {', '.join(METRICS)}."
        )
    if metric != "n" and not 0 < at_least <= 1:
        raise BadParams(f"stopping '{rule}': at_least={at_least}: must be a fraction, such as 0.95 for 95 %.")
    if metric == "low" and at_least == 1:
        raise BadParams(
            f"stopping '{rule}': at_least={at_least} would never stop: no number of images proves 100 %. Lower it."
        )


def require_valid_label_limit(rule: str, labels: int | None) -> None:
    """Raise BadParams for a limit of fewer than one label; None is no limit."""
    require_parameter(f"stopping '{rule}'", labels is None or labels >= 1, "at least 1, or null", labels=labels)


def reason_if_reached(evaluation: Evaluation | None, metric: str, at_least: float, labels: int) -> str | None:
    """Return the reason to stop if `metric` is high enough; None if it is not, or if nothing was measured.

    `macro_f1` is scikit-learn's, in which a class that is predicted and has no test image counts, as 0.
    """
    if evaluation is None or (value := _metric_value(evaluation, metric)) < at_least:
        return None
    result = f"{metric} is {value:.4g}, and {at_least:.4g} was required"
    if metric == "low":
        result = f"the model is right on at least {100 * value:.1f} of 100 images, and {100 * at_least:g} were required"
    averages = describe_unmeasured_classes(evaluation)
    on = f"{evaluation.basis}, {evaluation.n} images" + (f"; {averages}" if averages else "")
    return f"The target is reached: {result} ({labels} labels; {on})."


def _metric_value(evaluation: Evaluation, metric: str) -> float:
    if metric == "macro_f1" and evaluation.sklearn_macro_f1 is not None:  # which old records do not have
        return evaluation.sklearn_macro_f1
    return float(getattr(evaluation, metric))


def reason_at_limit(limit: int | None, last: RoundRecord, awaited: str) -> str | None:
    """Return the reason to stop if `limit` labels are there before `awaited` has happened; else None."""
    if limit is None or last.labels < limit:
        return None
    return f"The limit of {limit} labels is reached, before {awaited}."
