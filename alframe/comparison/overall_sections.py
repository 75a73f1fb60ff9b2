"""The sections of the page on all data sets together: who beats whom, and ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from alframe.comparison.figures import FigureOfPage, critical_difference_figure_maker, matrix_figure_maker
from alframe.comparison.formatting import format_p
from alframe.comparison.page_parts import Section, TableOfPage
from alframe.comparison.ranks import penalty_table, rank_strategies
from alframe.comparison.sections import data_sections
from alframe.comparison.strategies import DataSet


def sections_on_all_data_sets(sets: Sequence[DataSet], measure: str, goals: Sequence[float]) -> list[Section]:
    """Return the sections on each data set, and then the sections on all strategies over data sets or seeds."""
    sections = []
    for number, data in enumerate(sets, 1):
        names = (f"-{number}", f" on {data.name}") if len(sets) > 1 else ("", "")
        sections += data_sections(data, measure, goals, *names)
    if len({name for data in sets for name in data.strategies}) > 1:
        sections.append(_penalties_section(sets, measure))
    return [*sections, *_ranks_section(sets, measure)]


def _penalties_section(sets: Sequence[DataSet], measure: str) -> Section:
    matrix = penalty_table(sets, measure)
    beaten = (matrix.sum(axis=0) / (len(matrix) - 1)).sort_values(kind="stable")
    matrix = matrix.loc[beaten.index, beaten.index]
    shown = matrix.map("{:.2f}".format).reset_index(names="strategy")
    last = pd.DataFrame([["mean of the column", *beaten.map("{:.2f}".format)]], columns=shown.columns)
    over = f", summed over {len(sets)} data sets" * (len(sets) > 1)
    caption = (
        "Each cell shows how often the strategy of the row beats the strategy of the column (Ash et al. 2020). The "
        "value is the share of the numbers of labels at which the strategy of the row is better, by Student's paired "
        f"test over seeds at 95 %{over}. The mean of a column shows how often the strategy of this column is beaten. "
        "The first strategy is beaten least often."
    )
    title, height = "Pairwise penalty matrix", max(0.9, len(matrix) / 14)
    figure = FigureOfPage("penalties", title, caption, matrix_figure_maker(matrix, len(sets)), height)
    numbers, rows = matrix.reset_index(names="strategy"), pd.concat([shown, last], ignore_index=True)
    table = TableOfPage(
        "penalties",
        title,
        "The last row shows how often the strategy of the column is beaten.",
        numbers,
        rows,
        long=True,
    )
    return Section("Who beats whom", [], [figure], [table])


def _ranks_section(sets: Sequence[DataSet], measure: str) -> list[Section]:
    ranking = rank_strategies(sets, measure)
    if ranking is None:
        return []
    names = list(ranking.ranks.index)
    numbers = ranking.nemenyi.loc[names, names].reset_index(names="strategy")
    numbers.insert(1, "mean_rank", ranking.ranks.to_numpy())
    cells = {name: [format_p(value) for value in numbers[name]] for name in names}
    shown = pd.DataFrame({"strategy": names, "mean rank": ranking.ranks.map("{:.2f}".format).to_numpy(), **cells})
    friedman = "is not known" if math.isnan(ranking.friedman) else f"is {format_p(ranking.friedman)}"
    caption = (
        f"Mean ranks by area over {ranking.count} {ranking.blocks}. Rank 1 is the best. A bar joins strategies that "
        "Nemenyi's test does not distinguish at 95 %. It distinguishes two strategies if their ranks differ by "
        f"{ranking.critical_difference:.2f} (Demšar 2006). The p-value of Friedman's test that all strategies are "
        f"equally good {friedman}."
    )
    if ranking.blocks != "data sets":
        valid_for = "this data set" if len(sets) == 1 else "these data sets"
        caption += f" All seeds of a data set use the same images, so the result is valid only for {valid_for}."
    height = max(0.6, len(names) / 14)
    draw = critical_difference_figure_maker(ranking)
    figure = FigureOfPage("critical-difference", "Critical differences of ranks", caption, draw, height)
    title = "Mean ranks, and p of Nemenyi's test for each pair"
    return [Section("Ranks", [], [figure], [TableOfPage("ranks", title, "By area.", numbers, shown, long=True)])]
