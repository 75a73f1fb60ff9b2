"""The figures of a comparison. Each can be drawn at any size: for the page, for a phone, and for print."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from alframe.comparison.formatting import shorten_names
from alframe.comparison.ranks import Ranking
from alframe.report.charts import BASELINE, INK, RULE, SERIES, Dashes, style_axes
from alframe.types import Floats64

LETTER_WIDTH = 0.6  # of the size of a font
MAX_CURVES = 8  # curves in a figure: more cannot be told apart
Style = tuple[str, Dashes]
_DASHES: tuple[Dashes, ...] = ("-", (0, (6, 2)), (0, (6, 2, 1, 2)))


@dataclass(frozen=True, slots=True)
class FigureOfPage:
    """A figure: the name of its files, its title, its caption, and a function that draws it at a size in CSS pixels."""

    name: str
    title: str
    caption: str
    draw: Callable[[tuple[int, int]], Figure]
    height: float = 1.0  # of that of the page's other figures


def strategy_styles(names: Sequence[str], baselines: Sequence[str]) -> dict[str, Style]:
    """Return a colour and dashes for each strategy, the same in all figures: grey for baselines."""
    others = cycle((colour, dashes) for dashes in _DASHES for colour in SERIES)
    greys = cycle([(0, (4, 2)), (0, (1, 1)), (0, (8, 2))])
    return {name: (BASELINE, next(greys)) if name in baselines else next(others) for name in names}


def bands_figure_maker(
    table: pd.DataFrame, value: str, styles: Mapping[str, Style], ylabel: str, percent: bool, mark: float | None = None
) -> Callable[[tuple[int, int]], Figure]:
    """Return a function that draws `value` of a table by labels: a line with a band for each strategy in `styles`.

    `mark` is the value at which no strategy is better. It is marked by a line.
    """

    def draw(size: tuple[int, int]) -> Figure:
        figure, axes, font = _new_figure(size)
        for name, (colour, dashes) in styles.items():
            rows = table[table["strategy"] == name]
            if not len(rows):
                continue
            low, high = (rows[f"{value}_{end}" if f"{value}_{end}" in rows else end] for end in ("low", "high"))
            is_known = np.isfinite(rows[value].to_numpy(np.float64))  # a speed-up may not be
            add_band(axes, rows["labels"].to_numpy(), low.to_numpy(), high.to_numpy(), colour)
            add_curve(axes, name, rows["labels"].to_numpy()[is_known], rows[value].to_numpy()[is_known], colour, dashes)
        if mark is not None:
            axes.axhline(mark, color=INK, linewidth=1, zorder=1)
        axes.set_xlabel("labels", color=INK, fontsize=font)
        axes.set_ylabel(ylabel, color=INK, fontsize=font)
        axes.xaxis.set_major_locator(MaxNLocator(10 if font > 12 else 5, integer=True, steps=[1, 2, 5, 10]))
        if percent:
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol="\u202f%"))
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], min_n_ticks=3))
        _add_legend(figure, axes, font)
        return figure

    return draw


def add_curve(axes: Axes, name: str, labels: Floats64, values: Floats64, colour: str, dashes: Dashes) -> None:
    """Draw a line through `values` (n,) at `labels` (n,), with its points unless there are many."""
    axes.plot(labels, values, "o" if len(labels) <= 40 else "", color=colour, markersize=4, zorder=3)
    axes.plot(labels, values, color=colour, linestyle=dashes, linewidth=2, label=name, zorder=3)


def add_band(axes: Axes, labels: Floats64, low: Floats64, high: Floats64, colour: str) -> None:
    """Draw an interval (n,) at `labels` (n,), if its bounds are known. A single seed has no bounds."""
    is_known = np.isfinite(low) & np.isfinite(high)
    axes.fill_between(labels, low, high, where=is_known, color=colour, alpha=0.14, linewidth=0, zorder=2)


def selection_seconds_figure_maker(table: pd.DataFrame) -> Callable[[tuple[int, int]], Figure]:
    """Return a function that draws the seconds to choose a batch: the median and the quartiles of each strategy."""

    def draw(size: tuple[int, int]) -> Figure:
        figure, axes, font = _new_figure(size)
        rows = table.sort_values("selection", ascending=False)
        places = np.arange(len(rows))
        spread = np.abs([rows["selection"] - rows["selection_low"], rows["selection_high"] - rows["selection"]])
        axes.errorbar(rows["selection"], places, xerr=spread, fmt="o", color=SERIES[0], capsize=4, markersize=6)
        axes.set_yticks(places, _shorten_for(size[0], font, rows["strategy"]), color=INK, fontsize=font)
        axes.margins(y=0.1)
        if (rows["selection"] > 0).all():
            axes.set_xscale("log")
        axes.set_xlabel("seconds to choose a batch", color=INK, fontsize=font)
        axes.grid(axis="x", color=RULE, linewidth=1)
        return figure

    return draw


def matrix_figure_maker(table: pd.DataFrame, max_value: float) -> Callable[[tuple[int, int]], Figure]:
    """Return a function that draws a matrix of numbers from 0 to `max_value`. Larger numbers have a deeper colour."""

    def draw(size: tuple[int, int]) -> Figure:
        figure, axes, font = _new_figure(size)
        values = table.to_numpy(np.float64)
        font = min(font, int(size[0] / (2.2 * len(values) + 8)))
        colours = np.zeros((*values.shape, 4))
        colours[..., :3] = matplotlib.colors.to_rgb(SERIES[0])
        colours[..., 3] = 0.45 * np.clip(values / max_value, 0, 1)  # numbers stay readable on it
        axes.imshow(colours, aspect="auto", interpolation="nearest")
        for (row, column), value in np.ndenumerate(values):
            text = "–" if row == column else f"{value:.2f}".removesuffix("0") if value else "0"
            axes.text(column, row, text, ha="center", va="center", color=INK, fontsize=font)
        places = np.arange(len(values))
        columns, rows = _shorten_for(size[1], font, table.columns), _shorten_for(size[0], font, table.index)
        axes.set_xticks(places, columns, rotation=45, ha="left", rotation_mode="anchor", fontsize=font, color=INK)
        axes.xaxis.tick_top()
        axes.set_yticks(places, rows, fontsize=font, color=INK)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        return figure

    return draw


def critical_difference_figure_maker(ranking: Ranking) -> Callable[[tuple[int, int]], Figure]:
    """Return a function that draws mean ranks on a line. Bars join strategies that Nemenyi's test cannot separate."""

    def draw(size: tuple[int, int]) -> Figure:
        import scikit_posthocs

        figure, axes, font = _new_figure(size)
        short = dict(zip(ranking.ranks.index, _shorten_for(size[0], font, ranking.ranks.index), strict=True))
        with matplotlib.rc_context({"font.size": font, "text.color": INK, "axes.edgecolor": INK, "xtick.color": INK}):
            scikit_posthocs.critical_difference_diagram(
                ranking.ranks.rename(short),
                ranking.nemenyi.rename(index=short, columns=short),
                ax=axes,
                label_fmt_left="{label} ({rank:.2f})",
                label_fmt_right="({rank:.2f}) {label}",
                label_props={"fontsize": font},
                crossbar_props={"color": SERIES[1], "linewidth": 3},
                elbow_props={"color": INK, "linewidth": 1},
                marker_props={"color": SERIES[0], "s": 30},
            )
        axes.grid(visible=False)
        return figure

    return draw


def _new_figure(size: tuple[int, int]) -> tuple[Figure, Axes, int]:
    """Return a figure of this size in CSS pixels, its axes and the size of its letters."""
    figure = Figure(figsize=(size[0] / 72, size[1] / 72), layout="constrained")
    axes, font = figure.add_subplot(), 14 if size[0] > 500 else 12
    style_axes(axes, font)
    return figure, axes, font


def _shorten_for(length: int, font: int, names: Iterable[str]) -> list[str]:
    """Return the names, shortened to at most a third of this side length in CSS pixels, for one side of the axes."""
    return shorten_names(names, int(length / 3 / (LETTER_WIDTH * font)))


def _add_legend(figure: Figure, axes: Axes, font: int) -> None:
    handles, names = axes.get_legend_handles_labels()
    if handles:
        line_letters = 110 if font > 12 else 40
        names = shorten_names(names, line_letters - 6)
        columns = max(1, min(len(names), line_letters // (max(map(len, names)) + 6)))
        figure.legend(
            handles,
            names,
            loc="outside lower center",
            ncols=columns,
            frameon=False,
            fontsize=font - 1,
            labelcolor=INK,
            handlelength=2.6,
        )
