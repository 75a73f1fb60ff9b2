"""The numbers of a comparison as tables: one row for each strategy, or each strategy and number of labels."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from alframe.comparison.curves_table import class_balance
from alframe.comparison.runs import Run
from alframe.comparison.statistics import (
    Interval,
    adjust_for_multiple_tests,
    extend_curve,
    final_speed_up,
    gain_interval,
    labels_to_goal,
    mean_interval,
    paired_t_p_values,
    wilcoxon_p_value,
)
from alframe.comparison.strategies import DataSet
from alframe.types import Floats64

GOAL_SHARE = 0.95  # of the accuracy with all labels, that is to be reached
_ADJUSTED = {"p_holm": "holm", "p_bh": "fdr_bh"}


def summary_table(data: DataSet, measure: str) -> pd.DataFrame:
    """Return a row for each strategy, the largest area first.

    `area` is the mean over the numbers of labels. `gain` is the mean difference to the baseline, paired by seed, with
    the p-values of Student's and Wilcoxon's paired tests. The p-values of Student's test are also given with an
    adjustment for all strategies of the data set.
    """
    rows = []
    for name, strategy in data.strategies.items():
        areas = strategy.areas(measure, data.span)
        row = {
            **_identifying_cells(data, name),
            "seeds": len(strategy.runs),
            "labels": strategy.labels[-1],
            **_interval_cells("area", mean_interval(areas, *_bounds(measure))),
            **_interval_cells("last", mean_interval(strategy.values(measure)[:, -1], *_bounds(measure))),
            "baseline": data.baselines.get(name, ""),
            **_compare_areas(data, name, data.baselines.get(name), measure),
        }
        rows.append(row)
    table = pd.DataFrame(rows)
    for column, method in _ADJUSTED.items():
        table[column] = adjust_for_multiple_tests(table["p_t"].to_numpy(), method)
    return table.sort_values("area", ascending=False, ignore_index=True)


def pairs_table(data: DataSet, measure: str) -> pd.DataFrame:
    """Return a row for each pair of strategies: the difference of their areas, and its paired tests over seeds."""
    pairs = list(itertools.combinations(data.strategies, 2))
    rows = [{"data": data.name, "strategy": a, "other": b, **_compare_areas(data, a, b, measure)} for a, b in pairs]
    table = pd.DataFrame(rows, columns=["data", "strategy", "other", *_compare_areas(data, "", None, measure)])
    for test, (column, method) in itertools.product(("p_t", "p_wilcoxon"), _ADJUSTED.items()):
        table[f"{test}_{column.removeprefix('p_')}"] = adjust_for_multiple_tests(
            table[test].to_numpy(np.float64), method
        )
    return table


def _compare_areas(data: DataSet, name: str, other: str | None, measure: str) -> dict[str, object]:
    seeds = [seed for seed in data.strategies[name].runs if seed in data.strategies[other].runs] if other else []
    if len(seeds) < 2 or other is None:
        return {**_interval_cells("gain", Interval(np.nan, np.nan, np.nan)), "p_t": np.nan, "p_wilcoxon": np.nan}
    ours, theirs = (data.strategies[each].areas(measure, data.span, seeds) for each in (name, other))
    tests = {"p_t": float(paired_t_p_values(ours, theirs)), "p_wilcoxon": wilcoxon_p_value(ours, theirs)}
    return {**_interval_cells("gain", gain_interval(ours - theirs)), **tests}


def differences_table(data: DataSet, measure: str) -> pd.DataFrame:
    """Return a row for each strategy and number of labels: the difference to the baseline, paired by seed.

    The p-values are from Student's and Wilcoxon's paired tests. `p_holm` and `p_bh` adjust the former for all rows of
    the data set, except the rows of the first labels, which no strategy chose.
    """
    rows = []
    for name, other in data.baselines.items():
        ours, theirs = data.strategies[name], data.strategies[other]
        seeds = [seed for seed in ours.runs if seed in theirs.runs]
        labels = [count for count in ours.labels if count in set(theirs.labels)]
        if len(seeds) < 2 or not labels:
            continue
        pair = ours.values(measure, seeds, labels), theirs.values(measure, seeds, labels)
        for count, mine, its, p in zip(labels, pair[0].T, pair[1].T, paired_t_p_values(*pair), strict=True):
            tests = {"p_t": p, "p_wilcoxon": wilcoxon_p_value(mine, its)}
            gap = _interval_cells("difference", gain_interval(mine - its))
            cells = {"baseline": other, "labels": count, "seeds": len(seeds)}
            rows.append({**_identifying_cells(data, name), **cells, **gap, **tests})
    table = pd.DataFrame(rows)
    if len(table):
        is_choice = table["labels"] > min(strategy.labels[0] for strategy in data.strategies.values())
        for column, method in _ADJUSTED.items():
            table[column] = adjust_for_multiple_tests(table["p_t"].where(is_choice).to_numpy(), method)
    return table


def goals_table(data: DataSet, measure: str, goals: Sequence[float]) -> pd.DataFrame:
    """Return a row for each strategy and goal: the labels to reach it (the median over seeds), and the saved share.

    A goal is a value of the measure, or the share GOAL_SHARE of its value with all labels. `labels` is inf if less than
    half of the `seeds` reached the goal. `saved` is the share of the baseline's labels that the strategy does not need.
    """
    rows = []
    for name, strategy in data.strategies.items():
        values, labels = strategy.values(measure), np.array(strategy.labels, np.float64)
        wanted: dict[str, Floats64] = {f"{goal:g}": np.full(len(values), goal) for goal in goals}
        ceiling = data.ceiling(name, measure)
        if set(ceiling) >= set(strategy.runs):
            wanted["ceiling"] = GOAL_SHARE * np.array([ceiling[seed] for seed in strategy.runs])
        for goal, targets in wanted.items():
            needed = labels_to_goal(labels, values, targets)
            wanted_cells = {"baseline": data.baselines.get(name, ""), "goal": goal, "value": targets.mean()}
            found = {"labels": np.median(needed), "reached": np.isfinite(needed).sum(), "seeds": len(needed)}
            rows.append({**_identifying_cells(data, name), **wanted_cells, **found})
    table = pd.DataFrame(rows)
    if not len(table):
        return table
    own = table.set_index(["strategy", "goal"])["labels"]
    theirs = [own.get((base, goal), np.nan) for base, goal in zip(table["baseline"], table["goal"], strict=True)]
    with np.errstate(invalid="ignore"):
        table["saved"] = 1 - table["labels"] / np.array(theirs)
    table.loc[~np.isfinite(table["labels"]) | ~np.isfinite(np.array(theirs)), "saved"] = np.nan
    return table


def speed_up_table(data: DataSet, measure: str) -> pd.DataFrame:
    """Return a row for each strategy and number of labels: the baseline's labels divided by the strategy's labels.

    It uses the means over the seeds that both have. `factor` is inf if the baseline did not become as good up to
    `measured_to` labels. `saved` is the number of labels that were not needed. See `statistics.final_speed_up`.
    """
    rows = []
    for name, other in data.baselines.items():
        ours, theirs = data.strategies[name], data.strategies[other]
        seeds = [seed for seed in ours.runs if seed in theirs.runs]
        if not seeds:
            continue
        base = np.array(theirs.labels, np.float64), theirs.values(measure, seeds)
        if more := data.longer_baselines.get(other):
            base = extend_curve(*base, np.array(more.labels, np.float64), more.values(measure, seeds))
        labels, values = np.array(ours.labels, np.float64), ours.values(measure, seeds)
        for at in range(1, len(labels)):
            found = final_speed_up(labels[: at + 1], values[:, : at + 1], *base)
            saved = found.factor * labels[at] - labels[at]
            cells = {"baseline": other, "labels": int(labels[at]), "measured_to": int(base[0][-1])}
            factors = {"factor": found.factor, "low": found.low, "high": found.high, "saved": saved}
            rows.append({**_identifying_cells(data, name), **cells, **factors})
    return pd.DataFrame(rows)


def means_table(data: DataSet, measures: Sequence[str]) -> pd.DataFrame:
    """Return a row for each strategy, measure and number of labels: the mean over seeds with Student's interval."""
    rows = []
    for name, strategy in data.strategies.items():
        for measure in measures:
            for count, values in zip(strategy.labels, strategy.values(measure).T, strict=True):
                cells = {"measure": measure, "labels": count, "seeds": len(values)}
                found = _interval_cells("mean", mean_interval(values, *_bounds(measure)))
                rows.append({**_identifying_cells(data, name), **cells, **found})
    return pd.DataFrame(rows)


def classes_table(data: DataSet) -> pd.DataFrame:
    """Return a row for each strategy and number of labels: the number of classes with a label, and their balance."""
    rows = []
    for name, strategy in data.strategies.items():
        for count in strategy.labels:
            counts = [_counts_at(run, count) for run in strategy.runs.values()]
            totals = [len(run.pool_classes) for run in strategy.runs.values()]
            found = mean_interval(np.array([len(each) for each in counts], np.float64), 0, max(totals) or np.inf)
            balances = [class_balance(*pair) for pair in zip(counts, totals, strict=True)]
            balance = mean_interval(np.array(balances), 0, 1)
            row = {**_identifying_cells(data, name), "labels": count, "pool_classes": max(totals)}
            rows.append({**row, **_interval_cells("classes_found", found), **_interval_cells("class_balance", balance)})
    return pd.DataFrame(rows)


def _counts_at(run: Run, labels: int) -> Mapping[str, int]:
    return next(counts for record, counts in zip(run.history, run.class_counts, strict=True) if record.labels == labels)


def seconds_table(data: DataSet) -> pd.DataFrame:
    """Return a row for each strategy: median seconds to choose a batch and of a whole round, over rounds and seeds.

    A record has the seconds since the record before it. The first record does not count, because it contains the choice
    of the first labels and the embedding of the pool.
    """
    rows = []
    for name, strategy in data.strategies.items():
        later = [record for run in strategy.runs.values() for record in run.history[1:]]
        selection = [record.seconds.get("selection", 0.0) for record in later]
        low, median, high = np.quantile(selection, (0.25, 0.5, 0.75)) if later else (np.nan,) * 3
        whole = np.median([sum(record.seconds.values()) for record in later]) if later else np.nan
        quartiles = {"selection": median, "selection_low": low, "selection_high": high, "round": whole}
        rows.append({**_identifying_cells(data, name), "rounds": len(later), **quartiles})
    return pd.DataFrame(rows)


def _bounds(measure: str) -> tuple[float, float]:
    """Return the smallest and the largest possible value of a measure."""
    return 0, np.inf if measure == "log_loss" else 1


def _identifying_cells(data: DataSet, name: str) -> dict[str, object]:
    return {"data": data.name, "strategy": name}


def _interval_cells(name: str, interval: Interval) -> dict[str, object]:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
