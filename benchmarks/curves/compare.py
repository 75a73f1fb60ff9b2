"""Compare each recipe with random choice and margin sampling, on each set and over all sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from alframe.comparison.statistics import (
    ALPHA,
    Interval,
    SpeedUp,
    adjust_for_multiple_tests,
    extend_curve,
    final_speed_up,
    labels_to_goal,
    mean_interval,
    mean_ranks,
    paired_t_p_values,
    penalty_matrix,
)
from alframe.engine.measuring.curves import mean_over_labels
from alframe.types import Floats64
from benchmarks.curves.plan import Recipe
from benchmarks.curves.sweeps import SCALE

CEILING = 0.95  # of the accuracy with all labels, that is to be reached
OFTEN = 2  # sets on which a sampler must be worse than random choice before it is called so
DEAR = 10  # times margin's seconds


@dataclass(frozen=True, slots=True)
class Run:
    """The curves of one recipe on one set; `selection` and `head` are in seconds per round."""

    labels: Floats64
    accuracy: Floats64
    macro_f1: Floats64
    head: float
    selection: float

    @property
    def area(self) -> Floats64:
        return mean_over_labels(self.labels, self.accuracy)

    @property
    def f1_area(self) -> Floats64:
        return mean_over_labels(self.labels, self.macro_f1)


@dataclass(frozen=True, slots=True)
class Measured:
    """The results of one set: `ceilings` and `longer` by head, `runs` by recipe."""

    name: str
    facts: Mapping[str, Any]
    ceilings: Mapping[str, Run]
    longer: Mapping[str, Run]
    runs: Mapping[Recipe, Run]

    @property
    def compared(self) -> dict[Recipe, Run]:
        """The runs whose first labels are random."""
        return {recipe: run for recipe, run in self.runs.items() if recipe.start == "random"}


@dataclass(frozen=True, slots=True)
class Row:
    """A recipe on a set. Gains are over random choice with the same head; None for random choice or without it."""

    recipe: Recipe
    area: Interval
    gain: Interval | None
    f1_area: Interval
    f1_gain: Interval | None
    last: Interval
    last_f1: Interval
    labels: float  # to CEILING, the median over seeds; inf: never
    reached: int  # seeds that got there
    seeds: int
    speed: SpeedUp | None
    selection: float


@dataclass(frozen=True, slots=True)
class Overall:
    """A recipe over all sets: its gains in area by the name of the set, and reasons against its use."""

    recipe: Recipe
    gains: Mapping[str, Interval]
    sure: frozenset[str]  # sets whose gain counts also among all that were tested
    over_margin: Mapping[str, Interval]
    beats: float
    beaten: float
    rank: float
    cost: float  # times the seconds of margin with this head, on the largest set
    verdict: tuple[str, ...]


def load(result: Mapping[str, Any]) -> list[Measured]:
    """Return the sets of a results file, the largest first."""
    sets = [
        Measured(
            name,
            {key: value for key, value in found.items() if key not in ("ceilings", "longer", "compared")},
            {head: _run(measured) for head, measured in found["ceilings"].items()},
            {head: _run(measured) for head, measured in found["longer"].items()},
            {Recipe.parse(key): _run(measured) for key, measured in found["compared"].items()},
        )
        for name, found in result["sets"].items()
    ]
    return sorted(sets, key=lambda image_set: -image_set.facts["pool"])


def _run(found: Mapping[str, Any]) -> Run:
    accuracy, macro_f1 = (np.array(found[measure], np.float64) / SCALE for measure in ("accuracy", "macro_f1"))
    seconds = (float(found.get(phase, 0.0)) for phase in ("head", "selection"))
    return Run(np.array(found["labels"], np.float64), accuracy, macro_f1, *seconds)


def rows(measured: Measured) -> list[Row]:
    """Return one row for each recipe with random first labels, the largest area first."""
    found = []
    for recipe, run in measured.compared.items():
        random = measured.runs.get(Recipe("random", recipe.head))
        other = random if recipe.sampler != "random" else None
        goals = CEILING * measured.ceilings[recipe.head].accuracy[:, -1] if recipe.head in measured.ceilings else None
        labels = np.full(len(run.accuracy), np.inf)
        if goals is not None:
            labels = labels_to_goal(run.labels, run.accuracy, np.broadcast_to(goals, len(run.accuracy)))
        longer, speed = measured.longer.get(recipe.head), None
        if other and longer:
            base = extend_curve(other.labels, other.accuracy, longer.labels, longer.accuracy)
            speed = final_speed_up(run.labels, run.accuracy, *base)
        found.append(
            Row(
                recipe,
                mean_interval(run.area),
                mean_interval(run.area - other.area) if other else None,
                mean_interval(run.f1_area),
                mean_interval(run.f1_area - other.f1_area) if other else None,
                mean_interval(run.accuracy[:, -1]),
                mean_interval(run.macro_f1[:, -1]),
                float(np.median(labels)),
                int(np.isfinite(labels).sum()),
                len(labels),
                speed,
                run.selection,
            )
        )
    return sorted(found, key=lambda row: -row.area.mean)


def overall(sets: Sequence[Measured]) -> list[Overall]:
    """Return one row for each recipe with random first labels, the best mean rank first."""
    names = sorted({recipe for image_set in sets for recipe in image_set.compared})
    keys = [str(name) for name in names]
    matrix = penalty_matrix(
        [{str(r): run.accuracy for r, run in image_set.compared.items()} for image_set in sets], keys
    ) / len(sets)
    others = max(1, len(names) - 1)
    ranks = mean_ranks(
        [{str(r): float(run.area.mean()) for r, run in image_set.compared.items()} for image_set in sets], keys
    )
    gains = {name: _gains(sets, name, Recipe("random", name.head)) for name in names}
    tested = [(name, where) for name in names for where in gains[name]]
    counts = adjust_for_multiple_tests([_p(where, name, sets) for name, where in tested], "fdr_bh") <= ALPHA
    sure = {pair for pair, counted in zip(tested, counts, strict=True) if counted}
    found = [
        Overall(
            name,
            gains[name],
            frozenset(where for where in gains[name] if (name, where) in sure),
            over_margin := _gains(sets, name, Recipe("margin", name.head)),
            float(matrix[at].sum() / others),
            float(matrix[:, at].sum() / others),
            ranks[at],
            cost := _cost(sets, name),
            _verdict(name, gains[name], over_margin, _gains(sets, name, Recipe("margin")), cost),
        )
        for at, name in enumerate(names)
    ]
    return sorted(found, key=lambda overall: overall.rank)


def first_batches(sets: Sequence[Measured]) -> dict[Recipe, dict[str, tuple[Interval, Interval]]]:
    """Return the gains of first labels that are not random, in accuracy with only these and in area."""
    found: dict[Recipe, dict[str, tuple[Interval, Interval]]] = {}
    for image_set in sets:
        for recipe, run in image_set.runs.items():
            plain = image_set.runs.get(Recipe(recipe.sampler, recipe.head))
            if recipe.start != "random" and plain:
                at_once = mean_interval(run.accuracy[:, 0] - plain.accuracy[:, 0])
                found.setdefault(recipe, {})[image_set.name] = (at_once, mean_interval(run.area - plain.area))
    return found


def _gains(sets: Sequence[Measured], name: Recipe, other: Recipe) -> dict[str, Interval]:
    """Return the gains in area, on the sets that have both recipes."""
    if name == other:
        return {}
    return {
        image_set.name: mean_interval(image_set.runs[name].area - image_set.runs[other].area)
        for image_set in sets
        if {name, other} <= {*image_set.runs}
    }


def _p(of: str, name: Recipe, sets: Sequence[Measured]) -> float:
    (image_set,) = (image_set for image_set in sets if image_set.name == of)
    return float(paired_t_p_values(image_set.runs[name].area, image_set.runs[Recipe("random", name.head)].area))


def _cost(sets: Sequence[Measured], name: Recipe) -> float:
    margin = Recipe("margin", name.head)
    for image_set in sets:
        if {name, margin} <= {*image_set.runs} and image_set.runs[margin].selection:
            return image_set.runs[name].selection / image_set.runs[margin].selection
    return float("nan")


def _verdict(
    name: Recipe,
    over_random: Mapping[str, Interval],
    over_margin: Mapping[str, Interval],
    over_default: Mapping[str, Interval],
    cost: float,
) -> tuple[str, ...]:
    """Return the reasons against a recipe. Each follows from a rule that was fixed before the measurements."""
    if name.sampler in ("random", "margin"):
        return ()
    reasons = []
    worse = [where for where, gain in over_random.items() if gain.is_below_zero]
    if len(worse) >= OFTEN:
        reasons.append(f"worse than random choice on {len(worse)} of {len(over_random)} sets")
    if over_random and not any(gain.is_above_zero for gain in over_random.values()):
        reasons.append("not better than random choice on any set")
    if over_margin and cost >= DEAR and not any(gain.is_above_zero for gain in over_margin.values()):
        reasons.append(f"not better than margin on any set, and takes {cost:.0f} times as long")
    if name.head != "linear" and over_default and not any(gain.is_above_zero for gain in over_default.values()):
        reasons.append(f"needs head={name.head}, and is not better than margin with head=linear on any set")
    return tuple(reasons)
