"""Learning curves of a few samplers on each set, as an SVG file."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from alframe.comparison.figures import add_band, add_curve
from alframe.engine.measuring.curves import mean_and_half_width
from alframe.report.charts import BASELINE, INK, SERIES, style_axes
from benchmarks.curves.compare import Measured
from benchmarks.curves.plan import Recipe

DRAWN = ("random", "margin", "adaptive", "badge", "typiclust", "kcenter")  # those that are there; with the default head
COLUMNS = 3


def draw(sets: Sequence[Measured]) -> str:
    """One panel for each set: means over seeds of the accuracy, and Student's 95 % band of random and of margin."""
    height = -(-len(sets) // COLUMNS)
    figure = Figure(figsize=(11, 3.2 * height + 0.4), layout="constrained")
    panels = figure.subplots(height, COLUMNS, squeeze=False).ravel()
    for panel, measured in zip(panels, sets, strict=False):
        _panel(panel, measured)
    for panel in panels[len(sets) :]:
        panel.set_axis_off()
    lines = {name: line for panel in panels for line, name in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=len(DRAWN), frameon=False)
    buffer = io.StringIO()
    # Text stays text; a fixed salt and no date make equal charts equal bytes.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "curves"}):
        figure.savefig(buffer, format="svg", facecolor="white", metadata={"Date": None})
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def _panel(axes: Axes, measured: Measured) -> None:
    means = []
    for number, name in enumerate(DRAWN):
        run = measured.runs.get(Recipe(name))
        if run is None:
            continue
        colour = BASELINE if name == "random" else SERIES[number - 1]
        mean, half = mean_and_half_width(run.accuracy)
        means.append(mean)
        add_curve(axes, name, run.labels, mean, colour, (0, (4, 2)) if name == "random" else "-")
        if name in ("random", "margin"):
            add_band(axes, run.labels, mean - half, mean + half, colour)
    if means:  # a band may reach far beyond the lines where seeds are few
        axes.set_ylim(max(0.0, np.min(means) - 0.05), min(1.0, np.max(means) + 0.05))
    style_axes(axes, 10)
    axes.set_title(measured.name, color=INK, fontsize=10)
    axes.set_xlabel("labels", color=INK)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
