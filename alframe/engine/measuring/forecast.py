"""Estimate the effect of more labels: the campaign's learning curve is continued by a power law.

The curve is `best - (best - now) * ((last_labels + shift) / (n + shift)) ** power` at `n` labels. `now` is the accuracy
with `last_labels` labels, `best` is the limit that is never quite reached, `power` is the speed with which the error
falls, and `shift` allows a flat start (the family "pow4" of Domhan, Springenberg and Hutter 2015, "Speeding up
automatic hyperparameter optimization of deep neural networks by extrapolation of learning curves"). All curves of a
grid are weighted by their fit to the measured points, so the interval includes all curves that fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alframe.engine.measuring.evaluate import UNSEEN_BASIS
from alframe.types import CROSS_VALIDATION_BASIS, Evaluation, Floats64, RoundRecord

MIN_POINTS, MIN_GROWTH = 6, 2.0  # rounds with an accuracy, and how often the first of them has its labels at the last
MAX_INTERVAL_WIDTH = 0.2  # of an interval that is worth a sentence, in accuracy
NEAR_BEST_SHARE = 0.95  # of the best accuracy
# The interval is so many times as wide as that of the grid, which has no curves with bends, as real ones have. Measured
# with benchmarks/curves: docs/stopping.md.
INTERVAL_FACTOR = 1.5
PRIOR_NOISE_SHARE, PRIOR_NOISE_POINTS = 0.25, 4  # this part of the variance of so many images, as so many points
MODEL_ERROR = 0.005  # of an accuracy, by which no curve of the grid is the true one
PRIOR_EXPONENT = 3  # how much more likely it is before any point that many of the errors will go than that few will
MAX_LABELS_FACTOR = 2  # times the labels there are: farther away, nobody can tell where the best is


@dataclass(frozen=True, slots=True)
class AccuracyForecast:
    """The effect of `more` labels: the accuracy `now` and `then`, which is between `low` and `high` (95 %).

    `basis` names the test images. `more_labels_to_near_best`: the smallest and the largest number of further labels for
    95 % of the best accuracy; None if this is not known.
    """

    basis: str
    more: int
    now: float
    then: float
    low: float
    high: float
    more_labels_to_near_best: tuple[int, int] | None


def describe_forecast(forecast: AccuracyForecast) -> str:
    """Return one or two sentences about the effect of more labels."""
    text = (
        f"With {forecast.more} more labels, the accuracy would be about {forecast.then:.0%} ({forecast.low:.0%} to "
        f"{forecast.high:.0%}), as measured on {forecast.basis}; now it is about {forecast.now:.0%}."
    )
    if forecast.more_labels_to_near_best is None:
        return text
    low, high = forecast.more_labels_to_near_best
    if not high:
        return f"{text} This is at least 95 % of the best accuracy of this backbone and head."
    needed = f"{low} to {high}" if low else f"up to {high}"
    return f"{text} It takes {needed} more labels to reach 95 % of the best accuracy of this backbone and head."


def forecast_or_reason(history: Sequence[RoundRecord]) -> AccuracyForecast | str:
    """Return the effect of twice as many labels as now, or the reason why it is not known."""
    points = _measured_points(history)
    if points and points[-1][1].basis in (CROSS_VALIDATION_BASIS, UNSEEN_BASIS):
        return (
            "The effect of more labels cannot be estimated: the accuracy is measured on images that were chosen "
            "because they are hard. The estimate needs a test set, or 30 images drawn at random (audit)."
        )
    if len(points) < MIN_POINTS or points[-1][0] < MIN_GROWTH * points[0][0]:
        return (
            f"The effect of more labels cannot be estimated yet. The estimate needs {MIN_POINTS} rounds with an "
            f"accuracy, and the last of them must have at least {MIN_GROWTH:g} times the labels of the first."
        )
    labels, accuracies = np.array([(count, each.accuracy) for count, each in points]).T
    more, evaluation = points[-1]
    curves = weight_curves(labels, accuracies, evaluation.n)
    low, then, high = curves.measured_interval_at(2 * more)
    if high - low > MAX_INTERVAL_WIDTH:
        return (
            f"The effect of more labels cannot be estimated: as measured on {evaluation.n} images, the accuracy with "
            f"{more} more labels may be anything from {100 * low:.0f} to {100 * high:.0f} %."
        )
    return AccuracyForecast(
        evaluation.basis, more, curves.mean_accuracy_at(more), then, low, high, curves.more_labels_to_near_best()
    )


def _measured_points(history: Sequence[RoundRecord]) -> list[tuple[int, Evaluation]]:
    """Return labels and accuracy of each round that was measured on the same kind of images as the last.

    Held-out images have priority over images drawn at random: mostly, there are more of them, and they never change.
    """
    latest = {record.round: record for record in history}.values()
    newest = {record.labels: found for record in latest if (found := _held_out_or_other(record)) is not None}
    points = sorted(newest.items())
    return [point for point in points if point[1].basis == points[-1][1].basis]


def _held_out_or_other(record: RoundRecord) -> Evaluation | None:
    is_held_out = record.evaluation is not None and record.evaluation.basis not in (
        CROSS_VALIDATION_BASIS,
        UNSEEN_BASIS,
    )
    return record.evaluation if is_held_out else record.audit_or_other_evaluation


@dataclass(frozen=True, slots=True)
class WeightedCurves:
    """A grid of learning curves (g,), and the probability (g,) of each. `noise` is the deviation of measured points."""

    last_labels: float
    now: Floats64
    best: Floats64
    power: Floats64
    shift: Floats64
    probability: Floats64
    noise: float

    def accuracies_at(self, labels: float) -> Floats64:
        """Return the accuracy (g,) of each curve at this number of labels."""
        decay = ((self.last_labels + self.shift) / (labels + self.shift)) ** self.power
        return np.asarray(self.best - (self.best - self.now) * decay, np.float64)

    def mean_accuracy_at(self, labels: float) -> float:
        return float(self.accuracies_at(labels) @ self.probability)

    def measured_interval_at(self, labels: float) -> tuple[float, float, float]:
        """Return the lower bound, the middle and the upper bound (95 %) of a measurement at this number of labels."""
        low, middle, high = self._quantiles(self.accuracies_at(labels))
        below, above = (INTERVAL_FACTOR * np.hypot(bound - middle, 1.96 * self.noise) for bound in (low, high))
        return max(0.0, float(middle - below)), middle, min(1.0, float(middle + above))

    def more_labels_to_near_best(self) -> tuple[int, int] | None:
        """Return the number of further labels for 95 % of the best accuracy; None if it is not known."""
        missing = np.minimum((1 - NEAR_BEST_SHARE) * self.best / np.maximum(self.best - self.now, 1e-9), 1)
        needed = np.log((self.last_labels + self.shift) * missing ** (-1 / self.power) - self.shift)
        low, middle, high = self._quantiles(needed)
        low, high = np.exp(middle + INTERVAL_FACTOR * np.array([low - middle, high - middle])).tolist()
        if high > MAX_LABELS_FACTOR * self.last_labels:
            return None
        return max(0, round(low - self.last_labels)), max(0, round(high - self.last_labels))

    def _quantiles(self, values: Floats64) -> tuple[float, float, float]:
        order = np.argsort(values)
        positions = np.searchsorted(self.probability[order].cumsum(), (0.025, 0.5, 0.975))
        low, middle, high = values[order][np.minimum(positions, len(order) - 1)].tolist()
        return low, middle, high


def weight_curves(labels: Floats64, accuracies: Floats64, test_images: int) -> WeightedCurves:
    """Weight the curves by the `accuracies` (k,) measured at `labels` (k,), ascending, on about `test_images` each.

    The noise of the points is not known. It is integrated out, so that the likelihood is Student's.
    """
    level = float(accuracies[-3:].mean())
    variance = max(level * (1 - level), 0.02)  # never that of a share of exactly 1
    deviation = np.sqrt(variance / test_images)
    now, part, power, shift = (
        axis.ravel()
        for axis in np.meshgrid(
            np.clip(np.linspace(level - 4 * deviation, accuracies.max() + 4 * deviation, 41), 0, 1),
            np.linspace(0, 1, 31)[1:] ** 2,  # of the errors now, the part that will go
            np.geomspace(0.15, 3.0, 13),
            labels[0] * np.array([0, 0.5, 1.5, 5]),
        )
    )
    everyone = np.ones(len(now)) / len(now)
    curves = WeightedCurves(float(labels[-1]), now, now + part * (1 - now), power, shift, everyone, 0.0)
    squares = np.zeros(len(now))
    for count, measured in zip(labels.tolist(), accuracies.tolist(), strict=True):
        squares += (measured - curves.accuracies_at(count)) ** 2
    prior = PRIOR_NOISE_POINTS * (PRIOR_NOISE_SHARE * deviation**2 + MODEL_ERROR**2)
    log = PRIOR_EXPONENT * np.log(part) - (PRIOR_NOISE_POINTS + len(labels)) / 2 * np.log(prior + squares)
    likely = np.exp(log - log.max())
    probability = likely / likely.sum()
    noise = np.sqrt((prior + squares @ probability) / (PRIOR_NOISE_POINTS + len(labels)))
    return WeightedCurves(curves.last_labels, now, curves.best, power, shift, probability, float(noise))
