"""The CSV in which people answer a round, as a test's people read and fill it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

Row = dict[str, str]


def sheet_path(project: Path, number: int) -> Path:
    return project / "to_label" / f"round-{number:03d}" / "to_label.csv"


def read_rows(file: Path) -> list[Row]:
    with file.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def write_rows(file: Path, rows: list[Row]) -> None:
    with file.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def top_folder(row: Row) -> str:
    """Return the folder that names an image's class."""
    return row["path"].split("/")[0]


def answer_sheet(sheet: Path, answer: Callable[[int, Row], str] = lambda at, row: top_folder(row)) -> list[str]:
    """Write the answer to each row, by its number and content, as its label; return the paths of all rows."""
    rows = read_rows(sheet)
    write_rows(sheet, [row | {"label": answer(at, row)} for at, row in enumerate(rows)])
    return [row["path"] for row in rows]
