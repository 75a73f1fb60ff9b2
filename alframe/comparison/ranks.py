"""Compare strategies over data sets or seeds: ranks with Nemenyi's test, and the pairwise penalty matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alframe.comparison.statistics import ALPHA, mean_ranks, penalty_matrix
from alframe.comparison.strategies import DataSet

MIN_RANKED_SETS = 5  # data sets, from which on they are the blocks that are ranked in


@dataclass(frozen=True, slots=True)
class Ranking:
    """Mean ranks by area over `count` `blocks` (data sets or seeds), and the results of tests.

    `friedman` is the p-value of Friedman's test that all are equally good, `nemenyi` has the p-value of Nemenyi's test
    for each pair, and `critical_difference` is the smallest difference of two mean ranks that is significant at 95 %.
    """

    blocks: str
    count: int
    ranks: pd.Series
    friedman: float
    nemenyi: pd.DataFrame
    critical_difference: float


def rank_strategies(sets: Sequence[DataSet], measure: str) -> Ranking | None:
    """Return the ranks of the strategies by area; None for fewer than three strategies or two blocks.

    Blocks are the data sets if there are five or more with the same strategies, else each seed of each data set. Demšar
    2006, "Statistical comparisons of classifiers over multiple data sets". Seeds of one data set share its images, so
    a result over seeds is valid only for that data set.
    """
    import scikit_posthocs
    from scipy.stats import friedmanchisquare, studentized_range

    names = [name for name in sets[0].strategies if all(name in data.strategies for data in sets)]
    blocks: list[dict[str, float]] = []
    for data in sets:
        some = [data.strategies[name] for name in names]
        seeds = [seed for seed in some[0].runs if all(seed in strategy.runs for strategy in some)] if some else []
        if not seeds:
            continue
        areas = {strategy.name: strategy.areas(measure, data.span, seeds) for strategy in some}
        if len(sets) >= MIN_RANKED_SETS:
            blocks.append({name: float(values.mean()) for name, values in areas.items() if len(values)})
        else:
            blocks += [{name: float(values[at]) for name, values in areas.items()} for at in range(len(seeds))]
    if len(names) < 3 or len(blocks) < 2:
        return None
    table = pd.DataFrame(blocks, columns=names)
    with np.errstate(divide="ignore", invalid="ignore"):  # where all are equal
        p = float(friedmanchisquare(*(table[name] for name in names)).pvalue)
    count = len(names)
    quantile = studentized_range.ppf(1 - ALPHA, count, np.inf) / np.sqrt(2)
    return Ranking(
        "data sets" if len(sets) >= MIN_RANKED_SETS else "seeds" if len(sets) == 1 else "seeds of the data sets",
        len(blocks),
        pd.Series(mean_ranks(blocks, names), index=names).sort_values(),
        p,
        scikit_posthocs.posthoc_nemenyi_friedman(table),
        float(quantile * np.sqrt(count * (count + 1) / (6 * len(blocks)))),
    )


def penalty_table(sets: Sequence[DataSet], measure: str) -> pd.DataFrame:
    """Return the `penalty_matrix` (n, n): how often the row's strategy beats the column's, summed over data sets.

    It uses the seeds and numbers of labels that all strategies of a data set have.
    """
    names = list(dict.fromkeys(name for data in sets for name in data.strategies))
    curves = []
    for data in sets:
        some = data.strategies.values()
        seeds = sorted(set.intersection(*({*strategy.runs} for strategy in some)))
        labels = sorted(set.intersection(*({*strategy.labels} for strategy in some)))
        enough = len(seeds) > 1 and len(labels) > 1
        curves.append({strategy.name: strategy.values(measure, seeds, labels) for strategy in some} if enough else {})
    return pd.DataFrame(penalty_matrix(curves, names), index=names, columns=names)
