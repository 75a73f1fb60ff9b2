"""A comparison as one HTML page that needs no other file, and as files for a paper: SVG, PDF, CSV and LaTeX."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import matplotlib
import pandas as pd
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from alframe.comparison.curves_table import write_curve_tables
from alframe.comparison.figures import FigureOfPage
from alframe.comparison.page_parts import Section, TableOfPage
from alframe.progress import track
from alframe.report.charts import to_inline_svg
from alframe.report.page import breakable, moment
from alframe.store.files import replace_atomically, write_text

WIDE, NARROW = (960, 440), (360, 340)  # in CSS pixels: for a screen, and for a phone
PAGE_NAME = "comparison.html"


@dataclass(frozen=True, slots=True)
class ComparisonData:
    """The content of the page: a sentence on the compared runs, the runs left out, the sections, and the origin.

    `origin` are pairs of a name and a value: the command, versions, seeds, digests of the data.
    """

    title: str
    created: datetime
    summary: str
    left_out: Sequence[str]
    sections: Sequence[Section]
    origin: Sequence[tuple[str, str]]
    runs: TableOfPage


def render_comparison(data: ComparisonData) -> str:
    """Return the page: one HTML document without scripts and without other files."""
    figures = track(_figures_of(data), "Drawing the page", unit="figure")
    drawn = {figure.name: _figure_as_inline_svg(figure) for figure in figures}
    page = _template_environment().get_template("comparison.html.j2").render(data=data, drawn=drawn)
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def write_comparison(data: ComparisonData, curves: pd.DataFrame, folder: Path) -> Path:
    """Write the page, its figures, its tables and the curves into a folder. Return the page's path. Raises OSError."""
    figures, tables = folder / "figures", folder / "tables"
    figures.mkdir(parents=True, exist_ok=True)
    tables.mkdir(exist_ok=True)
    for figure in track(_figures_of(data), "Saving figures", unit="figure"):
        _save_as_svg_and_pdf(figure, figures)
    for table in [*(table for section in data.sections for table in section.tables), data.runs]:
        with replace_atomically(tables / f"{table.name}.csv") as temporary:
            table.numbers.to_csv(temporary, index=False)
        write_text(tables / f"{table.name}.tex", latex_table(table))
    write_curve_tables(curves, folder)
    write_text(folder / PAGE_NAME, render_comparison(data))
    return folder / PAGE_NAME


def _figures_of(data: ComparisonData) -> list[FigureOfPage]:
    return [figure for section in data.sections for figure in section.figures]


def latex_table(table: TableOfPage) -> str:
    """Return a table as LaTeX, for the package booktabs."""
    words = table.shown.columns[:1]
    layout = "".join("l" if name in words else "r" for name in table.shown.columns)
    text: str = table.shown.to_latex(index=False, escape=True, column_format=layout)
    return f"% {table.title}. {table.caption}\n{text}"


def _figure_as_inline_svg(figure: FigureOfPage) -> Mapping[str, str]:
    return {
        name: to_inline_svg(figure.draw((size[0], round(size[1] * figure.height))), f"{figure.name}-{name}")
        for name, size in (("wide", WIDE), ("narrow", NARROW))
    }


def _save_as_svg_and_pdf(figure: FigureOfPage, folder: Path) -> None:
    """Write the figure as SVG and PDF on white. Letters stay letters, and do not become shapes."""
    with matplotlib.rc_context({"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": figure.name}):
        drawn: Figure = figure.draw((WIDE[0], round(WIDE[1] * figure.height)))
        for kind in ("svg", "pdf"):
            buffer = io.BytesIO()
            date = {"Date": None} if kind == "svg" else {"CreationDate": None}  # equal figures are equal bytes
            drawn.savefig(buffer, format=kind, facecolor="white", metadata=date)
            with replace_atomically(folder / f"{figure.name}.{kind}") as temporary:
                temporary.write_bytes(buffer.getvalue())


@cache
def _template_environment() -> Environment:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("alframe.comparison", ""), PackageLoader("alframe.report", "")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": moment, "breakable": breakable}
    return environment
