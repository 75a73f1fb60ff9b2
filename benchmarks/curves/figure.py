"""Learning curves of the default and of a few other samplers on each set, as an SVG file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from alframe.comparison.figures import add_band
from alframe.engine.measuring.curves import mean_and_half_width
from alframe.report.charts import BASELINE, INK, SERIES, style_axes
from benchmarks.curves.needed import DEFAULT, RANDOM, Sets

SHOWN = (RANDOM, DEFAULT, "adaptive:auto", "margin:auto", "badge:auto", "typiclust:auto", "kcenter:auto")  # if measured
BANDS = (RANDOM, DEFAULT)
MOST_LABELS = 200  # only some of the strategies have more
COLUMNS = 3


def draw(sets: Sets) -> str:
    """Draw a panel for each set: mean accuracies over seeds, and the 95 % bands (Student) of BANDS."""
    height = -(-len(sets) // COLUMNS)
    figure = Figure(figsize=(11, 3.2 * height + 0.4), layout="constrained")
    panels = figure.subplots(height, COLUMNS, squeeze=False).ravel()
    for panel, (name, by) in zip(panels, sets.items(), strict=False):
        _panel(panel, name, by)
    for panel in panels[len(sets) :]:
        panel.set_axis_off()
    lines = {name: line for panel in panels for line, name in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=len(SHOWN), frameon=False)
    buffer = io.StringIO()
    # Text stays text; a fixed salt and no date make equal charts equal bytes.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "curves"}):
        figure.savefig(buffer, format="svg", facecolor="white", metadata={"Date": None})
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def _panel(axes: Axes, name: str, by: Mapping[str, Any]) -> None:
    means = []
    for number, strategy in enumerate(SHOWN):
        if strategy not in by:
            continue
        labels = np.array(by[strategy]["labels"], np.float64)
        shown = labels <= MOST_LABELS
        mean, half = mean_and_half_width(np.array(by[strategy]["accuracy"], np.float64)[:, shown])
        colour = BASELINE if strategy == RANDOM else SERIES[number - 1]
        dashes = (0, (4, 2)) if strategy == RANDOM else "-"
        means.append(mean)
        name_shown = strategy.partition(":")[0]
        axes.plot(labels[shown], mean, color=colour, linestyle=dashes, linewidth=2, label=name_shown, zorder=3)
        if strategy in BANDS:
            add_band(axes, labels[shown], mean - half, mean + half, colour)
    if means:  # a band may reach far beyond the lines where seeds are few
        axes.set_ylim(max(0.0, np.min(np.concatenate(means)) - 0.05), min(1.0, np.max(np.concatenate(means)) + 0.05))
    style_axes(axes, 10)
    axes.set_title(name, color=INK, fontsize=10)
    axes.set_xlabel("labels", color=INK)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
