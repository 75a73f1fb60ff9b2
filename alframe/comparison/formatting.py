"""Format the numbers of a comparison: means with intervals, p-values, tables with a column for each strategy."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable

import pandas as pd

P_VALUES = {  # column of a table of numbers -> its title on the page, in order
    "p_t": "p (t)",
    "p_t_holm": "Holm of t",
    "p_wilcoxon": "p (Wilcoxon)",
    "p_wilcoxon_holm": "Holm of Wilcoxon",
    "p_holm": "p (Holm)",
    "p_bh": "p (B-H)",
}


def format_intervals(table: pd.DataFrame, name: str, signed: bool = False) -> list[str]:
    """Return `name` with its interval in per cent, such as "86.4 [85.1, 87.7]"; a dash if there is no number."""
    sign = "+" if signed else ""
    cells = []
    for mean, low, high in zip(table[name], table[f"{name}_low"], table[f"{name}_high"], strict=True):
        interval = "" if math.isnan(low) else f" [{100 * low:{sign}.1f}, {100 * high:{sign}.1f}]"
        cells.append("–" if math.isnan(mean) else f"{100 * mean:{sign}.1f}{interval}")
    return cells


def format_p(value: float) -> str:
    """Return a p-value with three digits."""
    return "–" if math.isnan(value) else "<0.001" if value < 0.001 else f"{value:.3f}"


def p_value_columns(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the formatted p-value columns of a table, by title."""
    return {title: table[name].map(format_p) for name, title in P_VALUES.items() if name in table}


def format_number(value: float, digits: int, scale: float = 1) -> str:
    """Return `scale` times a number with this number of digits; a dash for NaN."""
    return "–" if math.isnan(value) else f"{scale * value:.{digits}f}"


def format_percentage(share: float) -> str:
    """Return a share as a whole percentage; a dash for NaN."""
    return "–" if math.isnan(share) else f"{share:.0%}"


def format_labels(value: float) -> str:
    """Return a number of labels as text. inf means that the labels were not enough."""
    return f"{value:.0f}" if math.isfinite(value) else "not reached"


def format_factor(value: float, labels: int, measured_to: int) -> str:
    """Return a speed-up as text. inf means that it is larger than could be measured."""
    return f"{value:.2f}" if math.isfinite(value) else f">{measured_to / labels:.2f}"


def pivot_by_labels(table: pd.DataFrame, value: str, digits: int, scale: float = 1) -> pd.DataFrame:
    """Return a row for each number of labels and a column for each strategy, with `scale` times the value."""
    cells = table.assign(cell=[format_number(float(number), digits, scale) for number in table[value]])
    wide = cells.pivot(index="labels", columns="strategy", values="cell").fillna("–")
    return wide[list(dict.fromkeys(table["strategy"]))].reset_index().rename_axis(columns=None)


def capitalise(text: str) -> str:
    """Return the text with a capital first letter; the rest is unchanged."""
    return f"{text[:1].upper()}{text[1:]}"


def shorten_names(names: Iterable[str], letters: int) -> list[str]:
    """Return the names with at most this number of letters. Long names lose their middle.

    If two shortened names are equal, they get numbers.

    >>> shorten_names(["margin", "sampler=margin head=mlp", "sampler=margin loss=x head=mlp"], 15)
    ['margin', 'sampl…d=mlp (1)', 'sampl…d=mlp (2)']
    """
    names = list(names)
    short = [_leave_out_middle(name, letters) for name in names]
    if len(set(short)) == len(set(names)):
        return short
    short = [_leave_out_middle(name, letters - len(f" ({len(names)})")) for name in names]
    numbers = {name: itertools.count(1) for name, times in Counter(short).items() if times > 1}
    return [f"{name} ({next(numbers[name])})" if name in numbers else name for name in short]


def _leave_out_middle(name: str, letters: int) -> str:
    if len(name) <= letters:
        return name
    kept = max(letters - 1, 2)
    return f"{name[: kept // 2]}…{name[-(kept - kept // 2) :]}"
