"""Statistics of learning curves as arrays: values (seeds, counts) at `labels` (counts,), in 0..1.

With the same seed, all strategies have the same test images and the same first labels, so differences are paired.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alframe.engine.measuring.curves import mean_and_half_width
from alframe.types import Floats64

ALPHA = 0.05  # of every test, two-sided
BOOTSTRAP_DRAWS = 1000  # of the bootstrap
ROUNDING = 1e-12  # differences below it are errors of floating-point numbers


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over seeds, or a mean difference, with its 95 % interval; NaN bounds for a single seed."""

    mean: float
    low: float
    high: float

    @property
    def is_above_zero(self) -> bool:
        return self.low > 0

    @property
    def is_below_zero(self) -> bool:
        return self.high < 0


def mean_interval(values: Floats64, lower: float = -np.inf, upper: float = np.inf) -> Interval:
    """Return the mean of `values` (seeds,) with Student's t interval, limited to `lower` and `upper`."""
    if len(values) < 2:
        return Interval(float(values.mean()), np.nan, np.nan)
    mean, half = mean_and_half_width(values[:, None])
    return Interval(float(mean[0]), max(float(mean[0] - half[0]), lower), min(float(mean[0] + half[0]), upper))


def gain_interval(gains: Floats64) -> Interval:
    """Return the mean of paired differences (seeds,) with Student's t interval.

    If all differences are equal but not 0, there is no interval: on few test images, the differences of two or three
    seeds are often equal by chance.
    """
    found = mean_interval(gains)
    has_spread = np.ptp(gains) >= ROUNDING or abs(found.mean) < ROUNDING
    return found if has_spread else Interval(found.mean, np.nan, np.nan)


def paired_t_p_values(ours: Floats64, theirs: Floats64) -> Floats64:
    """Return the p-values (...) of Student's paired test over seeds, the first axis; 1 if all differences are 0.

    If all n differences are equal, it is the p-value of the sign test, 2 / 2**n.
    """
    from scipy.stats import ttest_1samp

    differences = ours - theirs
    with (
        warnings.catch_warnings(action="ignore", category=RuntimeWarning),
        np.errstate(divide="ignore", invalid="ignore"),
    ):
        p = np.asarray(ttest_1samp(differences, 0.0).pvalue, np.float64)
    p = np.where(np.ptp(differences, axis=0) < ROUNDING, 2.0 ** (1 - len(differences)), p)
    return np.where(np.abs(differences.mean(axis=0)) < ROUNDING, 1.0, p)


def wilcoxon_p_value(ours: Floats64, theirs: Floats64) -> float:
    """Return the p-value of Wilcoxon's signed-rank test over seeds (seeds,); 1 if all differences are 0.

    With n seeds it is never below 2 / 2**n: with five seeds, not below 0.06.
    """
    from scipy.stats import wilcoxon

    differences = ours - theirs
    return float(wilcoxon(differences).pvalue) if differences.any() else 1.0


def adjust_for_multiple_tests(p: Sequence[float] | Floats64, method: str) -> Floats64:
    """Return p-values (n,) adjusted for all n tests, in their order: `method` "holm" or "fdr_bh".

    Holm 1979 limits the probability of any false finding. Benjamini and Hochberg 1995 limit the expected share of false
    findings among all findings. NaN stays NaN, and does not count as a test.
    """
    from statsmodels.stats.multitest import multipletests

    values = np.asarray(p, np.float64)
    is_test = ~np.isnan(values)
    adjusted = np.full(len(values), np.nan)
    if is_test.any():
        adjusted[is_test] = multipletests(values[is_test], ALPHA, method)[1]
    return adjusted


def labels_to_goal(labels: Floats64, values: Floats64, goals: Floats64) -> Floats64:
    """Return (seeds,) the number of labels at which each curve first reaches its goal (seeds,), or inf.

    Between two numbers of labels, a curve is a straight line.
    """
    reached = values >= goals[:, None]
    at = np.where(reached.any(axis=1), reached.argmax(axis=1), len(labels))
    found = np.full(len(values), np.inf)
    for row, (column, goal) in enumerate(zip(at.tolist(), goals.tolist(), strict=True)):
        if column == 0:
            found[row] = labels[0]
        elif column < len(labels):
            low, high = values[row, column - 1], values[row, column]
            part = (goal - low) / (high - low)
            found[row] = labels[column - 1] + part * (labels[column] - labels[column - 1])
    return found


@dataclass(frozen=True, slots=True)
class SpeedUp:
    """The labels of random choice divided by the labels of a strategy; inf if random choice never became as good."""

    factor: float
    low: float
    high: float


def final_speed_up(labels: Floats64, values: Floats64, random_labels: Floats64, random_values: Floats64) -> SpeedUp:
    """Return the labels that random choice needs for the strategy's final accuracy, divided by the strategy's labels.

    After Kath, Gouvêa and Sonntag 2026, "The speed-up factor". They compute it at all numbers of labels; this function
    computes it at the last. Both curves are means over seeds. Random choice must have several times as many labels as
    the strategy, because otherwise no factor above 1 can be measured. A factor of 2 means that half of the labels are
    enough; below 1, random choice is better. The interval comes from a bootstrap over seeds (percentiles), with the
    same seeds for both.
    """
    rng = np.random.default_rng(0)
    draws = np.vstack([np.arange(len(values)), rng.integers(len(values), size=(BOOTSTRAP_DRAWS, len(values)))])
    goals = values[draws, -1].mean(axis=1)
    curves = random_values[draws].mean(axis=1)
    factors = labels_to_goal(random_labels, curves, goals) / labels[-1]
    low, high = np.quantile(factors[1:], (ALPHA / 2, 1 - ALPHA / 2), method="nearest")
    return SpeedUp(float(factors[0]), float(low), float(high))


def extend_curve(
    labels: Floats64, values: Floats64, longer_labels: Floats64, longer_values: Floats64
) -> tuple[Floats64, Floats64]:
    """Return a curve that continues, after its last point, as the longer runs of the same seeds."""
    later = longer_labels > labels[-1]
    return np.concatenate([labels, longer_labels[later]]), np.hstack([values, longer_values[:, later]])


def penalty_matrix(sets: Sequence[Mapping[str, Floats64]], names: Sequence[str]) -> Floats64:
    """Return (n, n) how often each of the `names` beats each other name, summed over data sets.

    A strategy beats another at a number of labels if it is better by Student's paired test over seeds at 95 %
    (two-sided). This adds 1 / c for c measured numbers of labels, so the sum is at most the number of data sets. The
    mean of a column is how often its strategy is beaten: Ash et al. 2020, "Deep batch active learning by diverse,
    uncertain gradient lower bounds". The first labels do not count, because no strategy chose them. `sets` hold the
    values (seeds, c + 1) by name. A strategy that is missing in a data set does not count there.
    """
    total = np.zeros((len(names), len(names)))
    for curves in sets:
        for row, name in enumerate(names):
            for column, other in enumerate(names):
                if name != other and name in curves and other in curves:
                    ours, theirs = curves[name][:, 1:], curves[other][:, 1:]
                    wins = (paired_t_p_values(ours, theirs) < ALPHA) & (ours.mean(axis=0) > theirs.mean(axis=0))
                    total[row, column] += wins.mean() if wins.size else 0.0
    return total


def mean_ranks(blocks: Sequence[Mapping[str, float]], names: Sequence[str]) -> list[float]:
    """Return the mean rank of each name over the blocks that have it; 1 is the largest value. NaN without a block."""
    from scipy.stats import rankdata

    ranks: dict[str, list[float]] = {name: [] for name in names}
    for values in blocks:
        there = [name for name in names if name in values]
        for name, rank in zip(there, rankdata([-values[name] for name in there]), strict=True):
            ranks[name].append(float(rank))
    return [float(np.mean(ranks[name])) if ranks[name] else float("nan") for name in names]
