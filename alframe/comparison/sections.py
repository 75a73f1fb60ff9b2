"""The sections of the page on each data set: tables and figures with their captions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from alframe.comparison import tables
from alframe.comparison.figures import (
    MAX_CURVES,
    FigureOfPage,
    Style,
    bands_figure_maker,
    selection_seconds_figure_maker,
    strategy_styles,
)
from alframe.comparison.formatting import (
    capitalise,
    format_factor,
    format_intervals,
    format_labels,
    format_number,
    format_percentage,
    p_value_columns,
    pivot_by_labels,
)
from alframe.comparison.page_parts import CALIBRATION, MEASURE_TEXTS, Section, TableOfPage
from alframe.comparison.strategies import DataSet


@dataclass(frozen=True, slots=True)
class _DataSetSections:
    """The data of all sections on a data set: its measure in words, the styles of the drawn strategies, and names."""

    data: DataSet
    measure: str
    styles: Mapping[str, Style]
    suffix: str  # of its files
    title_end: str  # " on <its name>", of its titles
    omitted: str  # says that not all strategies are drawn

    @property
    def word(self) -> str:
        return MEASURE_TEXTS[self.measure]

    @property
    def styles_with_baseline(self) -> dict[str, Style]:
        return {name: style for name, style in self.styles.items() if name in self.data.baselines}

    def figure(
        self, name: str, title: str, caption: str, draw: Callable[[tuple[int, int]], Figure], height: float = 1.0
    ) -> FigureOfPage:
        return FigureOfPage(f"{name.replace('_', '-')}{self.suffix}", f"{title}{self.title_end}", caption, draw, height)

    def table(
        self,
        name: str,
        title: str,
        caption: str,
        numbers: pd.DataFrame,
        shown: pd.DataFrame | Mapping[str, Any],
        long: bool = False,
    ) -> TableOfPage:
        name = f"{name.replace('_', '-')}{self.suffix}"
        return TableOfPage(name, title, caption, numbers, pd.DataFrame(shown), long)


def data_sections(
    data: DataSet, measure: str, goals: Sequence[float], suffix: str = "", title_end: str = ""
) -> list[Section]:
    """Return the sections on one data set. `suffix` is the end of the names of files, `title_end` of the titles."""
    summary = tables.summary_table(data, measure)
    baselines = list(dict.fromkeys(data.baselines.values()))
    best = [name for name in summary["strategy"] if name not in baselines][: max(1, MAX_CURVES - len(baselines))]
    drawn = [name for name in data.strategies if name in {*baselines, *best}]
    rest = len(data.strategies) - len(drawn)
    more = f" The figure shows the baselines and the strategies with the largest area. The tables have {rest} more."
    part = _DataSetSections(data, measure, strategy_styles(drawn, baselines), suffix, title_end, more * (rest > 0))
    means = tables.means_table(data, [*dict.fromkeys([measure, "accuracy", "macro_f1", *CALIBRATION])])
    sections = [
        _curves_section(part, summary, means),
        _differences_section(part),
        _labels_section(part, goals),
        _chosen_section(part),
        _calibration_section(part, means),
        _seconds_section(part),
    ]
    return [section for section in sections if section.figures or section.tables]


def _curves_figure(part: _DataSetSections, means: pd.DataFrame, measure: str, text: str, percent: bool) -> FigureOfPage:
    caption = f"The lines are means over seeds. The bands are Student's 95 % intervals of the mean.{part.omitted}"
    draw = bands_figure_maker(means[means["measure"] == measure], "mean", part.styles, text, percent)
    return part.figure(measure, f"{capitalise(text)} by number of labels", caption, draw)


def _curves_section(part: _DataSetSections, summary: pd.DataFrame, means: pd.DataFrame) -> Section:
    first, last = part.data.span
    shown = {
        "strategy": summary["strategy"],
        "seeds": summary["seeds"],
        "labels": summary["labels"],
        "area, %": format_intervals(summary, "area"),
        "compared with baseline": format_intervals(summary, "gain", signed=True),
        **p_value_columns(summary),
        "last, %": format_intervals(summary, "last"),
    }
    caption = (
        f"Area is the mean {part.word} from {first} to {last} labels (area under the learning curve). Last is the "
        f"{part.word} with the last labels. Both are means over seeds with Student's 95 % interval. The column "
        '"compared with baseline" is the area minus the area of the same strategy with the baseline\'s sampler, in '
        "points and paired by seed. The p-values are two-sided and come from Student's and Wilcoxon's paired tests. "
        "The p-values of Holm and of Benjamini and Hochberg adjust the p-values of the t test for all rows."
    )
    long_caption = "Means over seeds, in %. The files also have Student's 95 % intervals and the other measures."
    shown_means = pivot_by_labels(means[means["measure"] == part.measure], "mean", 1, 100)
    figures = [
        _curves_figure(part, means, name, MEASURE_TEXTS[name], True)
        for name in dict.fromkeys([part.measure, "accuracy", "macro_f1"])
    ]
    found = [
        part.table("summary", "Areas and gains", caption, summary, shown),
        part.table("curves-means", "The curves' numbers", long_caption, means, shown_means, long=True),
    ]
    return Section(f"Learning curves{part.title_end}", part.data.notes, figures, found)


def _differences_section(part: _DataSetSections) -> Section:
    table, pairs = tables.differences_table(part.data, part.measure), tables.pairs_table(part.data, part.measure)
    figures, found = [], []
    if len(table):
        caption = (
            "Above 0, a strategy is better than its baseline with the same seeds. The bands are 95 % intervals."
            f"{part.omitted}"
        )
        axis = f"difference in {part.word}"
        draw = bands_figure_maker(table, "difference", part.styles_with_baseline, axis, True, mark=0)
        figures.append(part.figure("differences", "Differences to the baseline", caption, draw))
        shown = {
            "strategy": table["strategy"],
            "labels": table["labels"],
            "difference, points": format_intervals(table, "difference", signed=True),
            **p_value_columns(table),
        }
        caption = (
            "The differences are paired by seed, with Student's 95 % interval. The p-values of Holm and of Benjamini "
            "and Hochberg adjust the p-values of the t test for all rows, except the rows of the first labels, which "
            "no strategy chose."
        )
        title = "Differences to the baseline at each number of labels"
        found.append(part.table("differences", title, caption, table, shown, long=True))
    if len(pairs):
        shown = {
            "strategy": pairs["strategy"],
            "other": pairs["other"],
            "difference of areas": format_intervals(pairs, "gain", signed=True),
            **p_value_columns(pairs),
        }
        caption = "Differences in points of area, paired by seed, with p-values before and after adjustment."
        found.append(part.table("pairs", "Differences of all pairs of strategies", caption, pairs, shown, long=True))
    return Section(f"Paired differences{part.title_end}", [], figures, found)


def _labels_section(part: _DataSetSections, goals: Sequence[float]) -> Section:
    table, factors = tables.goals_table(part.data, part.measure, goals), tables.speed_up_table(part.data, part.measure)
    notes, figures, found = [], [], []
    if not any(part.data.ceilings.values()):
        notes.append(
            f"The {part.word} with all labels is not known, so the number of labels for {tables.GOAL_SHARE:.0%} of it "
            "cannot be given. To measure it, run the same command with sampler=random, stopping=null and start.labels "
            "above the size of the pool. Then give the folder of these runs too."
        )
    if len(table):
        names = [
            f"{value:.1%} ({tables.GOAL_SHARE:.0%} of all labels)" if goal == "ceiling" else f"{float(goal):.0%}"
            for goal, value in zip(table["goal"], table["value"], strict=True)
        ]
        shown = {
            "strategy": table["strategy"],
            part.word: names,
            "labels": table["labels"].map(format_labels),
            "seeds that reached it": [f"{a} of {b}" for a, b in zip(table["reached"], table["seeds"], strict=True)],
            "fewer labels than baseline": table["saved"].map(format_percentage),
        }
        caption = (
            f"The number of labels at which a strategy first reaches this {part.word}. It is the median over seeds, "
            "interpolated between rounds."
        )
        title = f"Labels to a given {part.word}"
        found.append(part.table("labels-to-goals", title, caption, table, shown, long=len(table) > 40))
    if len(factors):
        draw = bands_figure_maker(
            factors.replace(np.inf, np.nan), "factor", part.styles_with_baseline, "speed-up", False, mark=1
        )
        caption = (
            "The speed-up is the number of labels that the baseline needs to be as good, divided by the strategy's "
            "number of labels (Kath et al. 2026). It is computed from the means over seeds. The bands are 95 % "
            "intervals of a bootstrap over seeds. If a point is missing, the baseline never became as good in the "
            f"measured rounds.{part.omitted}"
        )
        figures.append(part.figure("speed-up", "Speed-up over the baseline", caption, draw))
        ends = factors[["factor", "low", "high", "labels", "measured_to"]].itertuples(index=False, name=None)
        shown = {
            "strategy": factors["strategy"],
            "labels": factors["labels"],
            "speed-up": [
                "{} [{}, {}]".format(*(format_factor(value, labels, most) for value in values))
                for *values, labels, most in ends
            ],
            "labels saved": ["–" if math.isinf(value) else f"{value:+.0f}" for value in factors["saved"]],
        }
        caption = (
            "The speed-up with its bootstrap interval, and the number of labels saved. The sign > means that the "
            "baseline never became as good."
        )
        found.append(part.table("speed-up", "Speed-up at each number of labels", caption, factors, shown, long=True))
    return Section(f"Labels saved{part.title_end}", notes, figures, found)


def _chosen_section(part: _DataSetSections) -> Section:
    table = tables.classes_table(part.data)
    total = int(table["pool_classes"].max())
    of = f" of {total}" if total else ""
    caption = f"Means over seeds with Student's 95 % intervals, which are cut at the possible values.{part.omitted}"
    axes = {"classes_found": "classes among the labels", "class_balance": "class balance"}
    titles = {"classes_found": f"Classes found{of}", "class_balance": "Class balance of the labels"}
    note = (
        "Class balance is the evenness of the classes among the labels. It is 1 if all classes of the pool have the "
        "same number of labels, and 0 if all labels are of one class (Shannon entropy divided by its largest value; "
        "Pielou 1966)."
    )
    figures, found = [], []
    for name, title in titles.items():
        draw = bands_figure_maker(table, name, part.styles, axes[name], False)
        figures.append(part.figure(name, title, caption, draw))
        shown = pivot_by_labels(table, name, 2)
        found.append(part.table(name, title, "Means over seeds at each number of labels.", table, shown, long=True))
    return Section(f"What was chosen{part.title_end}", [note], figures, found)


def _calibration_section(part: _DataSetSections, means: pd.DataFrame) -> Section:
    note = (
        "Smaller values are better for both measures. The calibration error is the difference between confidence and "
        "accuracy (expected calibration error, 15 bins). The log loss is the mean cross-entropy in nats."
    )
    known = {name: text for name, text in CALIBRATION.items() if means[means["measure"] == name]["mean"].notna().any()}
    found = []
    for name, text in known.items():
        rows, title = means[means["measure"] == name], f"{capitalise(text)} at each number of labels"
        shown = pivot_by_labels(rows, "mean", *((2, 1) if name == "log_loss" else (1, 100)))
        caption = f"Means over seeds{', in %' * (name != 'log_loss')}."
        found.append(part.table(name, title, caption, rows, shown, long=True))
    figures = [_curves_figure(part, means, name, text, name != "log_loss") for name, text in known.items()]
    return Section(f"Calibration{part.title_end}", [note], figures, found)


def _seconds_section(part: _DataSetSections) -> Section:
    table = tables.seconds_table(part.data).sort_values("selection", ignore_index=True)
    quartiles = table[["selection", "selection_low", "selection_high"]].itertuples(index=False, name=None)
    shown = {
        "strategy": table["strategy"],
        "rounds": table["rounds"],
        "seconds to choose": [f"{median:.3f} [{low:.3f}, {high:.3f}]" for median, low, high in quartiles],
        "seconds of a round": [format_number(value, 3) for value in table["round"]],
    }
    caption = (
        "Medians over rounds and seeds, with quartiles, on the machine of each run. The first round is left out, "
        "because it contains the choice of the first labels and the embedding."
    )
    about = "Medians and quartiles over rounds and seeds. Runs at the same time slow each other down."
    height = max(0.5, len(table) / 12)
    figure = part.figure("seconds", "Seconds to choose a batch", about, selection_seconds_figure_maker(table), height)
    title = "Seconds to choose a batch, and of a whole round"
    return Section(f"Cost{part.title_end}", [], [figure], [part.table("seconds", title, caption, table, shown)])
