"""The sections of the page: which tables and figures there are, and what each of them says."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from alframe.comparison import tables
from alframe.comparison.figures import (
    DRAWN,
    FigureOfPage,
    Style,
    draw_bands,
    draw_critical_difference,
    draw_matrix,
    draw_seconds,
    strategy_styles,
)
from alframe.comparison.ranks import penalty_table, rank_strategies
from alframe.comparison.strategies import DataSet

MEASURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "macro_precision": "macro precision",
}
_CALIBRATION = {"calibration_error": "calibration error", "log_loss": "log loss (nats)"}


@dataclass(frozen=True, slots=True)
class TableOfPage:
    """A table: the name of its files, what it shows, all its numbers, and these as the page and LaTeX show them.

    A `long` table is folded away on the page.
    """

    name: str
    caption: str
    numbers: pd.DataFrame
    shown: pd.DataFrame
    long: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with its notes, figures and tables."""

    title: str
    notes: Sequence[str] = ()
    figures: Sequence[FigureOfPage] = ()
    tables: Sequence[TableOfPage] = field(default=())


def make_sections(sets: Sequence[DataSet], measure: str, goals: Sequence[float]) -> list[Section]:
    """Return the sections on each data set, then those on all strategies over data sets or seeds."""
    sections = []
    for number, data in enumerate(sets, 1):
        suffix = f"-{number}" if len(sets) > 1 else ""
        sections += _data_sections(data, measure, goals, suffix, f" on {data.name}" if len(sets) > 1 else "")
    return [*sections, *_overall_sections(sets, measure)]


def _data_sections(data: DataSet, measure: str, goals: Sequence[float], suffix: str, on: str) -> list[Section]:
    summary = tables.summary_table(data, measure)
    means = tables.means_table(data, [*dict.fromkeys([measure, "accuracy", "macro_f1", *_CALIBRATION])])
    styles = _styles_of_drawn(data, summary)
    left_out = len(data.strategies) - len(styles)
    some = f" Drawn are the baselines and the strategies of the largest area; {left_out} more are in the tables." * (
        left_out > 0
    )
    word = MEASURES[measure]

    def curves(name: str, text: str, percent: bool) -> FigureOfPage:
        rows = means[means["measure"] == name]
        title = f"{text[0].upper()}{text[1:]} by number of labels{on}"
        caption = f"Means over seeds; the band is Student's 95 % interval of the mean.{some}"
        return FigureOfPage(f"{name}{suffix}", title, caption, draw_bands(rows, "mean", styles, text, percent))

    first, last = data.span
    sections = [
        Section(
            f"Learning curves{on}",
            [*data.notes],
            [curves(name, MEASURES[name], True) for name in dict.fromkeys([measure, "accuracy", "macro_f1"])],
            [
                _summary(summary, word, suffix, f"from {first} to {last} labels"),
                TableOfPage(
                    f"curves-means{suffix}",
                    "Means over seeds at each number of labels, with Student's 95 % interval",
                    means,
                    _wide(means[means["measure"] == measure], "mean", 100, 1),
                    long=True,
                ),
            ],
        ),
        _differences(data, measure, styles, suffix, on, some),
        _labels_section(data, measure, goals, styles, suffix, on, some),
        _chosen_section(data, styles, suffix, on, some),
        Section(
            f"Calibration{on}",
            ["Both are better when smaller. The calibration error is how far confidence and accuracy are apart."],
            [curves(name, text, name != "log_loss") for name, text in _CALIBRATION.items()],
            [
                TableOfPage(
                    f"{name.replace('_', '-')}{suffix}",
                    f"{text[0].upper()}{text[1:]}: means over seeds at each number of labels",
                    means[means["measure"] == name],
                    _wide(
                        means[means["measure"] == name],
                        "mean",
                        100 if name != "log_loss" else 1,
                        1 if name != "log_loss" else 2,
                    ),
                    long=True,
                )
                for name, text in _CALIBRATION.items()
            ],
        ),
        _seconds_section(data, suffix, on),
    ]
    return [section for section in sections if section is not None]


def _styles_of_drawn(data: DataSet, summary: pd.DataFrame) -> dict[str, Style]:
    baselines = list(dict.fromkeys(data.baselines.values()))
    best = [name for name in summary["strategy"] if name not in baselines][: max(1, DRAWN - len(baselines))]
    drawn = [name for name in data.strategies if name in {*baselines, *best}]
    return strategy_styles(drawn, baselines)


def _summary(table: pd.DataFrame, word: str, suffix: str, span: str) -> TableOfPage:
    shown = pd.DataFrame(
        {
            "strategy": table["strategy"],
            "seeds": table["seeds"],
            "labels": table["labels"],
            "area, %": _intervals(table, "area"),
            "gain over baseline": _intervals(table, "gain", signed=True),
            "p (t)": table["p_t"].map(_p),
            "p (Wilcoxon)": table["p_wilcoxon"].map(_p),
            "p (Holm)": table["p_holm"].map(_p),
            "p (B-H)": table["p_bh"].map(_p),
            "last, %": _intervals(table, "last"),
        }
    )
    caption = (
        f"Area: the mean {word} {span} (area under the learning curve); last: the {word} with the last labels. Means "
        "over seeds with Student's 95 % interval. Gain: in points, paired by seed, over the same with the baseline's "
        "sampler. p-values are two-sided; Holm's and Benjamini and Hochberg's adjust those of the t test for all rows"
    )
    return TableOfPage(f"summary{suffix}", caption, table, shown)


def _differences(
    data: DataSet, measure: str, styles: Mapping[str, Style], suffix: str, on: str, some: str
) -> Section | None:
    table = tables.differences_table(data, measure)
    pairs = tables.pairs_table(data, measure)
    if not len(pairs):
        return None
    figures, found = [], []
    if len(table):
        caption = f"Above 0 the strategy is better than its baseline with the same seeds; the band is 95 %.{some}"
        drawn = {name: style for name, style in styles.items() if name in data.baselines}
        draw = draw_bands(table, "difference", drawn, f"difference in {MEASURES[measure]}", True, zero=True)
        figures.append(FigureOfPage(f"differences{suffix}", f"Differences to the baseline{on}", caption, draw))
        shown = pd.DataFrame(
            {
                "strategy": table["strategy"],
                "labels": table["labels"],
                "difference, points": _intervals(table, "difference", signed=True),
                "p (t)": table["p_t"].map(_p),
                "p (Wilcoxon)": table["p_wilcoxon"].map(_p),
                "p (Holm)": table["p_holm"].map(_p),
                "p (B-H)": table["p_bh"].map(_p),
            }
        )
        caption = (
            "Differences to the baseline at each number of labels, paired by seed. Holm's and Benjamini and Hochberg's "
            "p-values adjust those of the t test for all rows but those of the first labels, which no strategy chose"
        )
        found.append(TableOfPage(f"differences{suffix}", caption, table, shown, long=True))
    shown = pd.DataFrame(
        {
            "strategy": pairs["strategy"],
            "other": pairs["other"],
            "difference of areas": _intervals(pairs, "gain", signed=True),
            "p (t)": pairs["p_t"].map(_p),
            "Holm": pairs["p_t_holm"].map(_p),
            "p (Wilcoxon)": pairs["p_wilcoxon"].map(_p),
            "Holm ": pairs["p_wilcoxon_holm"].map(_p),
        }
    )
    caption = "Areas of all pairs of strategies, in points, paired by seed; p-values adjusted for all pairs beside them"
    found.append(TableOfPage(f"pairs{suffix}", caption, pairs, shown, long=True))
    return Section(f"Paired differences{on}", [], figures, found)


def _labels_section(
    data: DataSet, measure: str, goals: Sequence[float], styles: Mapping[str, Style], suffix: str, on: str, some: str
) -> Section:
    table, factors = tables.goals_table(data, measure, goals), tables.speed_up_table(data, measure)
    word, notes, figures, found = MEASURES[measure], [], [], []
    if not any(data.ceilings.values()):
        notes.append(
            f"The {word} with all labels is not known, so neither is with how many labels {tables.CEILING:.0%} of "
            "it is reached. Runs that learn from the whole pool show it: the same command with sampler=random, "
            "stopping=null and start.labels above the size of the pool. Give their folder too."
        )
    if len(table):
        named = table.assign(
            goal=[
                f"{value:.1%} ({tables.CEILING:.0%} of all labels)" if goal == "ceiling" else f"{float(goal):.0%}"
                for goal, value in zip(table["goal"], table["value"], strict=True)
            ]
        )
        shown = pd.DataFrame(
            {
                "strategy": named["strategy"],
                word: named["goal"],
                "labels": [_count(value) for value in named["labels"]],
                "seeds that got there": [f"{a} of {b}" for a, b in zip(named["reached"], named["seeds"], strict=True)],
                "saved over baseline": ["–" if math.isnan(value) else f"{value:.0%}" for value in named["saved"]],
            }
        )
        caption = f"Labels with which a {word} is first reached, the median over seeds (straight lines between rounds)"
        found.append(TableOfPage(f"labels-to-goals{suffix}", caption, table, shown, long=len(table) > 40))
    if len(factors):
        drawn = {name: style for name, style in styles.items() if name in data.baselines}
        finite = factors.replace(np.inf, np.nan)
        draw = draw_bands(finite, "factor", drawn, "speed-up", False, zero=True)
        caption = (
            "How many times as many labels the baseline takes to be as good (Kath et al. 2026), by the means over "
            "seeds; the band is the 95 % interval of a bootstrap over seeds. No point: the baseline has not got there "
            f"in all that was measured.{some}"
        )
        figures.append(FigureOfPage(f"speed-up{suffix}", f"Speed-up over the baseline{on}", caption, draw))
        shown = pd.DataFrame(
            {
                "strategy": factors["strategy"],
                "labels": factors["labels"],
                "speed-up": [
                    f"{_factor(a, n, m)} [{_factor(low, n, m)}, {_factor(high, n, m)}]"
                    for a, low, high, n, m in zip(
                        factors["factor"],
                        factors["low"],
                        factors["high"],
                        factors["labels"],
                        factors["measured_to"],
                        strict=True,
                    )
                ],
                "labels saved": ["–" if math.isinf(value) else f"{value:+.0f}" for value in factors["saved"]],
            }
        )
        caption = "Speed-up over the baseline at each number of labels, with the labels that were not needed"
        found.append(TableOfPage(f"speed-up{suffix}", caption, factors, shown, long=True))
    return Section(f"Labels saved{on}", notes, figures, found)


def _chosen_section(data: DataSet, styles: Mapping[str, Style], suffix: str, on: str, some: str) -> Section:
    table = tables.classes_table(data)
    total = int(table["pool_classes"].max())
    of = f" of {total}" if total else ""
    caption = f"Means over seeds, with Student's 95 % interval.{some}"
    shown = _wide(table, "classes_found", 1, 1)
    return Section(
        f"What was chosen{on}",
        [
            "Class balance is the evenness of the labels' classes: 1 if all classes of the pool have as many labels, 0 "
            "if all labels are of one class (Shannon entropy by its largest value; Pielou 1966)."
        ],
        [
            FigureOfPage(
                f"classes-found{suffix}",
                f"Classes found{of}{on}",
                caption,
                draw_bands(table, "classes_found", styles, "classes among the labels", False),
            ),
            FigureOfPage(
                f"class-balance{suffix}",
                f"Class balance of the labels{on}",
                caption,
                draw_bands(table, "class_balance", styles, "class balance", False),
            ),
        ],
        [TableOfPage(f"classes{suffix}", f"Classes found{of}, means over seeds", table, shown, long=True)],
    )


def _seconds_section(data: DataSet, suffix: str, on: str) -> Section:
    table = tables.seconds_table(data).sort_values("selection", ignore_index=True)
    shown = pd.DataFrame(
        {
            "strategy": table["strategy"],
            "rounds": table["rounds"],
            "seconds to choose": [
                f"{median:.3f} [{low:.3f}, {high:.3f}]"
                for median, low, high in zip(
                    table["selection"], table["selection_low"], table["selection_high"], strict=True
                )
            ],
            "seconds of a round": table["round"].map("{:.3f}".format),
        }
    )
    caption = (
        "Seconds on the machine of each run, medians over rounds and seeds with quartiles; without the first round, "
        "which holds the choice of the first labels and the embedding"
    )
    figure = FigureOfPage(
        f"seconds{suffix}",
        f"Seconds to choose a batch{on}",
        "Medians and quartiles over rounds and seeds. Runs side by side slow each other down.",
        draw_seconds(table),
        height=max(0.5, len(table) / 12),
    )
    return Section(f"Cost{on}", [], [figure], [TableOfPage(f"seconds{suffix}", caption, table, shown)])


def _overall_sections(sets: Sequence[DataSet], measure: str) -> list[Section]:
    matrix = penalty_table(sets, measure)
    if len(matrix) < 2:
        return []
    beaten = matrix.sum(axis=0) / max(1, len(matrix) - 1)
    order = beaten.sort_values(kind="stable").index
    matrix = matrix.loc[order, order]
    shown = matrix.map("{:.2f}".format).reset_index(names="strategy")
    last = pd.DataFrame([["is beaten", *beaten[order].map("{:.2f}".format)]], columns=shown.columns)
    caption = (
        "How often the row's strategy beats the column's (Ash et al. 2020): the part of the numbers of labels at which "
        f"Student's paired test over seeds says so at 95 %, summed over {len(sets)} data set{'s' * (len(sets) > 1)}. "
        "The last row is the column's mean: smaller is better"
    )
    sections = [
        Section(
            "Who beats whom",
            [],
            [
                FigureOfPage(
                    "penalties",
                    "Pairwise penalty matrix",
                    caption,
                    draw_matrix(matrix, len(sets)),
                    height=max(0.9, len(matrix) / 14),
                )
            ],
            [
                TableOfPage(
                    "penalties", caption, matrix.reset_index(names="strategy"), pd.concat([shown, last]), long=True
                )
            ],
        )
    ]
    ranking = rank_strategies(sets, measure)
    if ranking is None:
        return sections
    numbers = ranking.nemenyi.loc[ranking.ranks.index, ranking.ranks.index].reset_index(names="strategy")
    numbers.insert(1, "mean_rank", ranking.ranks.to_numpy())
    shown = numbers.assign(mean_rank=numbers["mean_rank"].map("{:.2f}".format))
    shown = shown.assign(**{name: numbers[name].map(_p) for name in ranking.ranks.index}).rename(
        columns={"mean_rank": "mean rank"}
    )
    caption = (
        f"Mean ranks by area over {ranking.count} {ranking.blocks}, 1 is best. A bar joins strategies between which "
        "Nemenyi's test finds no difference at 95 %; CD is how far two ranks must be apart (Demšar 2006). Friedman's "
        f"test that all are equally good: p {_p_word(ranking.friedman)}."
    )
    alone = (
        ""
        if ranking.blocks == "data sets"
        else " Seeds share the images of their data set: this holds for these images alone."
    )
    figure = FigureOfPage(
        "critical-difference",
        "Critical differences of ranks",
        caption + alone,
        draw_critical_difference(ranking),
        height=max(0.6, len(ranking.ranks) / 14),
    )
    table = TableOfPage("ranks", "Mean ranks, and p of Nemenyi's test for each pair", numbers, shown, long=True)
    return [*sections, Section("Ranks", [], [figure], [table])]


def _wide(table: pd.DataFrame, value: str, scale: float, digits: int) -> pd.DataFrame:
    """Return one row for each number of labels, one column for each strategy."""
    cells = table.assign(
        cell=(scale * table[value].astype(float)).map(
            lambda number: "–" if math.isnan(number) else f"{number:.{digits}f}"
        )
    )
    wide = cells.pivot(index="labels", columns="strategy", values="cell").fillna("–")
    return wide[list(dict.fromkeys(table["strategy"]))].reset_index().rename_axis(columns=None)


def _intervals(table: pd.DataFrame, name: str, signed: bool = False) -> list[str]:
    """Return means with their intervals as "86.4 [85.1, 87.7]", in hundredths; a dash where there is no number."""
    form: Callable[[float], str] = lambda value: f"{100 * value:{'+' if signed else ''}.1f}"  # noqa: E731
    cells = []
    for mean, low, high in zip(table[name], table[f"{name}_low"], table[f"{name}_high"], strict=True):
        interval = "" if math.isnan(low) else f" [{form(low)}, {form(high)}]"
        cells.append("–" if math.isnan(mean) else f"{form(mean)}{interval}")
    return cells


def _p(value: float) -> str:
    return "–" if math.isnan(value) else "<0.001" if value < 0.001 else f"{value:.3f}"


def _p_word(value: float) -> str:
    return "is not known" if math.isnan(value) else "below 0.001" if value < 0.001 else f"= {value:.3f}"


def _count(value: float) -> str:
    return f"{value:.0f}" if math.isfinite(value) else "not reached"


def _factor(value: float, labels: int, measured_to: int) -> str:
    return f"{value:.2f}" if math.isfinite(value) else f">{measured_to / labels:.1f}"
