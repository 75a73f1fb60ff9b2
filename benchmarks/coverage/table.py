"""The table of docs/audit.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HEADING = (
    "sampler",
    "images without a label",
    "whole pool",
    "new images",
    "recalls",
    "all drawn images alike",
    "ever wrong: any number of looks",
    "ever wrong: one look",
)


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return one row per sampler: coverage and bias of each interval, and how often at least one look was wrong."""
    lines = [HEADING, ("---",) * len(HEADING)]
    for sampler, found in results.items():
        cells = [_cell(found[name]) for name in ("unlabelled", "whole_pool", "new", "recalls", "pooled")]
        wrong = [f"{found['unlabelled'][name]:.1f} %" for name in ("always_wrong", "once_wrong")]
        lines.append((sampler, *cells, *wrong))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(found: Mapping[str, float]) -> str:
    return f"{found['coverage']:.1f} % ({found['bias']:+.1f})"


def table_by_drawn(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a row for each kind of campaigns and number of drawn images: coverage and bias of each interval."""
    names = ("unlabelled", "whole_pool", "new")
    heading = ("campaigns", "images drawn", *HEADING[1:4])
    lines: list[tuple[str, ...]] = [heading, ("---", *["---:"] * (len(heading) - 1))]
    for kind, by_drawn in results.items():
        lines += [(kind, drawn, *(_cell(found[name]) for name in names)) for drawn, found in by_drawn.items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
