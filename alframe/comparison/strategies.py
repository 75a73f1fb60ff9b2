"""Group runs into strategies (runs that differ only in the seed) and data sets (runs on the same images)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

import numpy as np

from alframe.comparison.choices import choice_names, is_data_choice, varying_choices
from alframe.comparison.runs import Run
from alframe.engine.measuring.curves import mean_over_labels
from alframe.types import Floats64

_MODEL_GROUPS = ("backbone", "head", "loss", "finetune", "inference")  # choices that decide what the labels can teach


@dataclass(frozen=True, slots=True)
class Strategy:
    """Runs with the same choices, by seed. `choices` are the choices that vary between strategies."""

    name: str
    choices: Mapping[str, object]
    runs: Mapping[int, Run]

    @property
    def labels(self) -> list[int]:
        """The numbers of labels at which all seeds were measured."""
        return sorted(set.intersection(*({record.labels for record in run.history} for run in self.runs.values())))

    def values(self, measure: str, seeds: Sequence[int] | None = None, labels: Sequence[int] | None = None) -> Floats64:
        """Return (seeds, labels) the values of a measure of Evaluation; NaN if an old record does not have it."""
        tables = [
            {record.labels: getattr(record.evaluation, measure) for record in self.runs[seed].history}
            for seed in (self.runs if seeds is None else seeds)
        ]
        return np.array([[table[count] for count in labels or self.labels] for table in tables], np.float64)

    def areas(self, measure: str, span: tuple[float, float], seeds: Sequence[int] | None = None) -> Floats64:
        """Return (seeds,) the mean of a measure over the labels from `span[0]` to `span[1]` (trapezoids).

        NaN if the span is empty.
        """
        if span[0] > span[1]:
            return np.full(len(self.runs if seeds is None else seeds), np.nan)
        labels, values = np.array(self.labels, np.float64), self.values(measure, seeds)
        inside = labels[(labels > span[0]) & (labels < span[1])]
        points = np.unique([span[0], *inside, span[1]])
        return mean_over_labels(
            points, np.array([np.interp(points, labels, row) for row in values]).reshape(-1, len(points))
        )


@dataclass(frozen=True, slots=True)
class DataSet:
    """All strategies on the same images, by name, in the order in which they were found.

    `baselines`: the name of the strategy with which each is compared. `longer_baselines`: runs of baselines with more
    labels, by the name of the baseline. `ceilings`: the runs that learned from the whole pool, by seed, for each
    strategy with the same model.
    """

    name: str
    strategies: Mapping[str, Strategy]
    baselines: Mapping[str, str]
    longer_baselines: Mapping[str, Strategy]
    ceilings: Mapping[str, Mapping[int, Run]]
    notes: Sequence[str] = field(default=())

    @property
    def span(self) -> tuple[int, int]:
        """The numbers of labels that all strategies have: from the latest beginning to the earliest end."""
        ranges = [(strategy.labels[0], strategy.labels[-1]) for strategy in self.strategies.values()]
        return max(first for first, _ in ranges), min(last for _, last in ranges)

    def ceiling(self, name: str, measure: str) -> dict[int, float]:
        """Return the measure with all labels, by seed. If there is a single run, its value is used for all seeds."""
        found = {
            seed: getattr(run.history[-1].evaluation, measure) for seed, run in self.ceilings.get(name, {}).items()
        }
        seeds = self.strategies[name].runs
        return dict.fromkeys(seeds, next(iter(found.values()))) if len(found) == 1 else found


def group_runs(runs: Sequence[Run], baseline: str) -> list[DataSet]:
    """Return the data sets of the runs. `baseline` is the name of a sampler or of a resulting strategy."""
    ceilings = [run for run in runs if len(run.history) == 1 and run.history[0].unlabelled == 0]
    curves = [run for run in runs if run not in ceilings]
    longer_baselines = [run for run in curves if _is_longer_baseline(run, curves, baseline)]
    curves = [run for run in curves if run not in longer_baselines]
    if not curves:
        curves, ceilings = list(runs), []
    varying = varying_choices([run.choices for run in curves])
    data_choices = [choice for choice in varying if is_data_choice(choice)]
    every = [*curves, *longer_baselines, *ceilings]
    by_data: dict[str, list[Run]] = {}
    for run, name in zip(every, _name_data_sets(every, data_choices), strict=True):
        by_data.setdefault(name, []).append(run)
    sets = [
        _build_data_set(
            name,
            [run for run in same if run in curves],
            [run for run in same if run in longer_baselines],
            [run for run in same if run in ceilings],
            [choice for choice in varying if not is_data_choice(choice)] or ["sampler"],
            baseline,
        )
        for name, same in by_data.items()
    ]
    return [data for data in sets if data.strategies]


def _is_longer_baseline(run: Run, runs: Sequence[Run], baseline: str) -> bool:
    """Return whether this is a second run of the baseline, with more labels than all other runs."""
    if run.choices.get("sampler") != baseline:
        return False
    same_data = [each for each in runs if _choices_where(each, is_data_choice) == _choices_where(run, is_data_choice)]
    others = [each.history[-1].labels for each in same_data if each.choices.get("sampler") != baseline]
    shorter = [
        each
        for each in same_data
        if _choices_but_length(each) == _choices_but_length(run) and each.history[-1].labels <= max(others, default=0)
    ]
    return bool(others and shorter) and run.history[-1].labels > max(others)


def _choices_but_length(run: Run) -> dict[str, object]:
    return {key: value for key, value in run.choices.items() if key != "batch" and not key.startswith("stopping")}


def _choices_where(run: Run, is_chosen: Callable[[str], bool]) -> dict[str, object]:
    return {key: value for key, value in run.choices.items() if is_chosen(key)}


def _name_data_sets(runs: Sequence[Run], varying: Sequence[str]) -> list[str]:
    """Return the name of the data set of each run.

    The same images are one data set, even if they are on two computers. Different images are different data sets, even
    if their folders have the same name.
    """
    first_choices: dict[tuple[str, str], dict[str, object]] = {}
    data_choices = []
    for run in runs:
        own_choices = {key: run.choices.get(key) for key in varying}
        same = first_choices.setdefault((choice_names([own_choices])[0], run.images_digest), own_choices)
        data_choices.append(same)
    names = choice_names(data_choices, bare_choice="pool")
    digests: dict[str, list[str]] = {}  # other images in the same place, as on another computer
    numbered = []
    for run, name in zip(runs, names, strict=True):
        name = name or str(run.choices.get("pool"))
        found = digests.setdefault(name, [])
        if run.images_digest not in found:
            found.append(run.images_digest)
        number = found.index(run.images_digest) + 1
        numbered.append(name if number == 1 else f"{name} ({number})")
    return numbered


def _build_data_set(
    name: str,
    runs: Sequence[Run],
    longer_baselines: Sequence[Run],
    ceilings: Sequence[Run],
    varying: Sequence[str],
    baseline: str,
) -> DataSet:
    notes: list[str] = []
    found: dict[str, dict[int, Run]] = {}
    runs = sorted(runs, key=attrgetter("seed"))
    names = choice_names([{key: run.choices.get(key) for key in varying} for run in runs], bare_choice="sampler")
    for run, run_name in zip(runs, names, strict=True):
        same = found.setdefault(run_name, {})
        if run.seed in same:
            notes.append(f"Two runs differ only in their folder, so {run.folder} is left out.")
        same.setdefault(run.seed, run)
    strategies = {}
    for key, same in found.items():
        choices = next(iter(same.values())).choices
        strategy = Strategy(key, {choice: choices.get(choice) for choice in varying}, same)
        if strategy.labels:
            strategies[key] = strategy
        else:
            notes.append(f"{key}: its seeds were never measured at the same number of labels, so it is left out.")
    baselines = {key: _find_baseline(each, strategies, baseline) for key, each in strategies.items()}
    by_seed = {
        key: {
            run.seed: run for run in ceilings if _model_choices(run) == _model_choices(next(iter(each.runs.values())))
        }
        for key, each in strategies.items()
    }
    extended = {
        key: Strategy(key, each.choices, more)
        for key, each in strategies.items()
        if (
            more := {
                run.seed: run
                for run in longer_baselines
                if _choices_but_length(run) == _choices_but_length(next(iter(each.runs.values())))
            }
        )
        and set(more) >= set(each.runs)
    }
    return DataSet(
        name,
        strategies,
        {key: other for key, other in baselines.items() if other is not None and other != key},
        extended,
        by_seed,
        [*notes, *_describe_gaps(strategies)],
    )


def _model_choices(run: Run) -> dict[str, object]:
    return {key: value for key, value in run.choices.items() if key.partition(".")[0] in _MODEL_GROUPS}


def _find_baseline(strategy: Strategy, strategies: Mapping[str, Strategy], baseline: str) -> str | None:
    """Return the strategy with the baseline's sampler and the same other choices, or else the strategy of this name."""

    def others(candidate: Strategy) -> dict[str, object]:
        return {key: value for key, value in candidate.choices.items() if key.partition(".")[0] != "sampler"}

    same = (
        name
        for name, candidate in strategies.items()
        if candidate.choices.get("sampler") == baseline and others(candidate) == others(strategy)
    )
    return next(same, baseline if baseline in strategies else None)


def _describe_gaps(strategies: Mapping[str, Strategy]) -> list[str]:
    """Return sentences about strategies with missing seeds, fewer labels or other test images than the others."""
    notes = []
    seeds = sorted(set().union(*(strategy.runs for strategy in strategies.values())))
    for name, strategy in strategies.items():
        if missing := [seed for seed in seeds if seed not in strategy.runs]:
            notes.append(f"{name}: no run with seed {', '.join(map(str, missing))}.")
        measured = set().union(*({record.labels for record in run.history} for run in strategy.runs.values()))
        if lost := len(measured) - len(strategy.labels):
            notes.append(f"{name}: not all of its seeds were measured at {lost} of {len(measured)} numbers of labels.")
    for seed in seeds:
        digests = {each.runs[seed].items_digest for each in strategies.values() if seed in each.runs}
        if len(digests) > 1:
            notes.append(
                f"Seed {seed}: not all strategies have the same pool and test images: differences are unreliable."
            )
    spans = {(each.labels[0], each.labels[-1]) for each in strategies.values()}
    if max((first for first, _ in spans), default=0) > min((last for _, last in spans), default=0):
        notes.append("Some strategies end with fewer labels than others begin with, so there are no areas.")
    elif len(spans) > 1:
        notes.append(
            "Not all strategies have the same first and last number of labels. Each area is over the numbers of labels "
            "that all of them have."
        )
    return notes
