"""Draw learning curves as inline SVG, in the colours and fonts of the page."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from itertools import cycle
from xml.etree import ElementTree

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from alframe.types import Curve, RoundRecord

# Okabe & Ito's colour-blind-safe palette on white. In the SVG each colour becomes a CSS variable of the page, which
# gives it another value in dark mode: style.css holds both sets.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
BASELINE, INK, RULE = "#6f7780", "#1c2126", "#dfe3e0"
CSS_COLOURS = {
    **{colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, 1)},
    BASELINE: "var(--baseline)",
    INK: "var(--soft)",
    RULE: "var(--rule)",
}
Dashes = str | tuple[int, tuple[int, ...]]  # as Matplotlib takes them
_DASHES: tuple[Dashes, ...] = ("-", (0, (6, 2)), (0, (6, 2, 1, 2)), (0, (2, 1)))
_BASELINE_SAMPLER = "random"  # the sampler that others are measured against
WIDE, NARROW = (960, 400), (360, 300)  # in CSS pixels: for a screen or paper, and for a phone


def campaign_curves(history: Sequence[RoundRecord]) -> list[Curve]:
    """Return the curves of the campaign's accuracy with intervals: by the audit and by the evaluation, if any."""
    audits = [(record.labels, record.audit) for record in history if record.audit is not None]
    evaluations = [(record.labels, record.evaluation) for record in history if record.evaluation is not None]
    curves = []
    for points in filter(None, (audits, evaluations)):
        labels, measured = zip(*points, strict=True)
        means, lows, highs = zip(*((each.accuracy, each.low, each.high) for each in measured), strict=True)
        curves.append(Curve(measured[-1].basis, labels, means, lows, highs, seeds=1))
    return curves


def is_baseline(curve: Curve) -> bool:
    """Return whether this curve is of random choice, with which the others are compared."""
    return curve.name == _BASELINE_SAMPLER


def curve_styles(curves: Sequence[Curve]) -> list[tuple[str, Dashes]]:
    """Return colour and dashes of each curve: grey for random choice. The dashes change after the last colour."""
    others = cycle((colour, dashes) for dashes in _DASHES for colour in SERIES)
    return [(BASELINE, (0, (4, 2))) if is_baseline(curve) else next(others) for curve in curves]


def learning_curve_svg(curves: Sequence[Curve], size: tuple[int, int] = WIDE) -> str:
    """Draw accuracy against labels as an <svg> element: a line for each curve's mean, a band from low to high."""
    width, height = size
    font = 14 if width > 500 else 12
    figure = Figure(figsize=(width / 72, height / 72))
    # Fixed margins, as measuring the texts takes as long as drawing: "100 %" on the left, and on the right half of the
    # largest number of labels, which may stand at the very end.
    left, bottom, top = 5 * font, 3.2 * font, 0.5 * font
    right = max(top, 0.35 * font * len(str(int(1.05 * max(max(curve.labels) for curve in curves)))))
    axes = figure.add_axes((left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height))
    for order, (curve, (colour, dashes)) in enumerate(zip(curves, curve_styles(curves), strict=True), 1):
        depth = 0 if is_baseline(curve) else order
        if len(curve.labels) == 1:  # a band of no width cannot be seen
            # An interval's end at 100 % may lie a rounding error inside the mean.
            errors = [[max(curve.mean[0] - curve.low[0], 0.0)], [max(curve.high[0] - curve.mean[0], 0.0)]]
            axes.errorbar(curve.labels, curve.mean, errors, fmt="o", color=colour, capsize=5, zorder=3 + depth)
            continue
        axes.fill_between(curve.labels, curve.low, curve.high, color=colour, alpha=0.16, linewidth=0, zorder=2)
        marker = "o" if len(curve.labels) <= 40 else ""
        axes.plot(curve.labels, curve.mean, marker, color=colour, markersize=4, zorder=3 + depth)
        axes.plot(curve.labels, curve.mean, color=colour, linestyle=dashes, linewidth=2, zorder=3 + depth)
    style_axes(axes, font)
    _set_labels_and_limits(axes, curves, font)
    return to_inline_svg(figure, salt=f"curve-{size[0]}")


def style_axes(axes: Axes, font: int) -> None:
    """Give axes the style of all charts: no frame, lines at the numbers, letters of this size."""
    axes.tick_params(colors=INK, labelsize=font, length=0, pad=6)
    axes.grid(axis="y", color=RULE, linewidth=1)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(RULE)


def _set_labels_and_limits(axes: Axes, curves: Sequence[Curve], font: int) -> None:
    axes.set_xlabel("labels", color=INK, fontsize=font)
    axes.set_ylabel("accuracy", color=INK, fontsize=font)
    axes.xaxis.set_major_locator(MaxNLocator(10 if font > 12 else 5, integer=True, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol="\u202f%"))
    lowest = min(value for curve in curves for value in curve.low)
    highest = max(value for curve in curves for value in curve.high)
    axes.set_ylim(max(0.0, lowest - 0.04), min(1.0, highest + 0.04) + 0.005)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], min_n_ticks=3))


def to_inline_svg(figure: Figure, salt: str) -> str:
    """Return a figure as an <svg> element in the page's colours and fonts. Each chart of a page needs another salt."""
    buffer = io.BytesIO()
    # Text stays text (selectable, in the page's font); a fixed salt makes equal charts equal bytes.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    root = ElementTree.fromstring(buffer.getvalue())
    # A page is not an SVG file: drop its metadata (with its web addresses), its style rule for "*", its namespaces,
    # its size (CSS decides) and the ids that nothing refers to, which two charts would share.
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)
    used = set(re.findall(r"#(\w+)", ElementTree.tostring(root, encoding="unicode")))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        kept = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
        element.attrib = {name: value for name, value in kept.items() if name != "id" or value in used}
    root.attrib = {"viewBox": root.attrib["viewBox"], "aria-hidden": "true", "focusable": "false"}
    svg = ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)
    return re.sub("|".join(CSS_COLOURS), lambda match: CSS_COLOURS[match.group()], svg)
