"""What learning curves say, as arrays: values (seeds, counts) at `labels` (counts,), in 0..1.

Seed for seed all recipes have the same images to test on and the same first labels, so differences are paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alframe.engine.measuring.curves import t_interval

Array = npt.NDArray[np.float64]
ALPHA = 0.05  # of every test, two-sided
DRAWS = 1000  # of the bootstrap


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over seeds, or a mean difference, with its 95 % interval."""

    mean: float
    low: float
    high: float

    @property
    def above(self) -> bool:
        return self.low > 0

    @property
    def below(self) -> bool:
        return self.high < 0


def interval(values: Array) -> Interval:
    """Of `values` (seeds,), by Student's t."""
    mean, half = t_interval(values[:, None])
    return Interval(float(mean[0]), float(mean[0] - half[0]), float(mean[0] + half[0]))


def p_values(ours: Array, theirs: Array) -> Array:
    """(...) of Student's paired test over seeds, the first axis; 1 where all differences are 0."""
    from scipy.stats import t

    gaps = ours - theirs
    runs = len(gaps)
    mean, spread = gaps.mean(axis=0), gaps.std(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.abs(mean) / (spread / np.sqrt(runs))
    return np.where(mean == 0, 1.0, 2 * t.sf(score, runs - 1))


def discoveries(p: Sequence[float]) -> list[bool]:
    """Which of these tests count if one in twenty of those that do may be luck: Benjamini and Hochberg 1995."""
    from scipy.stats import false_discovery_control

    return [bool(value <= ALPHA) for value in false_discovery_control(p)] if len(p) else []


def labels_to(labels: Array, values: Array, goals: Array) -> Array:
    """(seeds,) labels with which each curve is first at its goal (seeds,), interpolated between counts; inf: never."""
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
    """How many times as many labels random choice takes; inf where it has not got there in all that was measured."""

    factor: float
    low: float
    high: float


def speed_up(labels: Array, values: Array, random_labels: Array, random_values: Array) -> SpeedUp:
    """The labels with which random choice is first as accurate as this sampler in the end, by those this one took.

    After Kath, Gouvêa and Sonntag 2026, "The speed-up factor", who ask for it at all numbers of labels; here it is
    that of the last, where the most work has been done. Both curves are means over seeds; random choice goes on to
    several times as many labels as the sampler, for else nothing above 1 could be seen. 2: half the labels do; below
    1: random choice is better. The interval is that of a bootstrap over seeds (percentiles), with the same seeds for
    both.
    """
    rng = np.random.default_rng(0)
    draws = np.vstack([np.arange(len(values)), rng.integers(len(values), size=(DRAWS, len(values)))])
    goals = values[draws, -1].mean(axis=1)
    curves = random_values[draws].mean(axis=1)
    factors = labels_to(random_labels, curves, goals) / labels[-1]
    low, high = np.quantile(factors[1:], (ALPHA / 2, 1 - ALPHA / 2), method="nearest")
    return SpeedUp(float(factors[0]), float(low), float(high))


def joined(labels: Array, values: Array, longer: Array, longer_values: Array) -> tuple[Array, Array]:
    """Random choice as far as it was compared, and from there on as in its longer runs."""
    later = longer > labels[-1]
    return np.concatenate([labels, longer[later]]), np.hstack([values, longer_values[:, later]])


def penalties(sets: Sequence[Mapping[str, Array]], names: Sequence[str]) -> Array:
    """(n, n) how often each of the `names` beats each other one, summed over sets: at most their number.

    One beats another at a number of labels if Student's paired test over seeds says so at 95 % (two-sided), which adds
    1 / c where c numbers of labels were measured. A column's mean is how often its sampler is beaten: Ash et al. 2020,
    "Deep batch active learning by diverse, uncertain gradient lower bounds". The first labels are not the samplers'
    choice, and not counted. `sets` hold the values (seeds, c + 1) by name; where one is missing it neither beats nor
    is beaten.
    """
    total = np.zeros((len(names), len(names)))
    for curves in sets:
        for row, name in enumerate(names):
            for column, other in enumerate(names):
                if name != other and name in curves and other in curves:
                    ours, theirs = curves[name][:, 1:], curves[other][:, 1:]
                    wins = (p_values(ours, theirs) < ALPHA) & (ours.mean(axis=0) > theirs.mean(axis=0))
                    total[row, column] += wins.mean()
    return total


def mean_ranks(sets: Sequence[Mapping[str, float]], names: Sequence[str]) -> list[float]:
    """The rank of each name, 1 for the largest value, averaged over the sets that have it; nan if none has."""
    from scipy.stats import rankdata

    ranks: dict[str, list[float]] = {name: [] for name in names}
    for values in sets:
        there = [name for name in names if name in values]
        for name, rank in zip(there, rankdata([-values[name] for name in there]), strict=True):
            ranks[name].append(float(rank))
    return [float(np.mean(ranks[name])) if ranks[name] else float("nan") for name in names]
