"""Find and read the tables that people save with any program, and match their rows to images."""

from __future__ import annotations

import glob
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from alframe.formats.matching import ImageMatcher, match_rows
from alframe.formats.path_text import caseless_path, normalise_path
from alframe.formats.tables import (
    SEPARATORS,
    TableRow,
    find_header_line,
    has_columns,
    is_text_of_unknown_encoding,
    is_workbook,
    read_column_names,
    read_table,
    require_encoding,
)
from alframe.kit.image_paths import absolute_path
from alframe.store.names import is_system_file
from alframe.types import Problem

__all__ = [
    "FORMULA_STARTS",
    "SEPARATORS",
    "WORKBOOK_SUFFIXES",
    "ImageMatcher",
    "TableRow",
    "caseless_path",
    "files_in_folder",
    "find_header_line",
    "find_tables",
    "formula_safe_path",
    "has_columns",
    "is_text_of_unknown_encoding",
    "is_workbook",
    "match_rows",
    "normalise_path",
    "read_column_names",
    "read_table",
    "require_encoding",
    "time_saved",
]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # of cells that spreadsheet programs calculate
TABLE_SUFFIXES = (".csv",)
WORKBOOK_SUFFIXES = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")


def files_in_folder(folder: Path, suffixes: Collection[str] = TABLE_SUFFIXES) -> list[Path]:
    """Return the files directly in `folder` that a person may have saved, by name; none if there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in suffixes and not is_system_file(file.name) and file.is_file()
    )


def find_tables(
    paths: str | Path | Sequence[str | Path], outside: Path, setting: str, suffixes: Sequence[str] = TABLE_SUFFIXES
) -> tuple[list[Path], list[Problem]]:
    """Return the files that match `paths` (one or several), and a Problem for each path that matches no file.

    A path may be a file, a folder (all files in it with one of the `suffixes`, such as ``.jsonl``) or a pattern
    (`labels/*.csv`). Files below the folder `outside` are left out, because they are read anyway. The Problems name
    `setting`, the parameter with the paths.
    """
    tables: dict[Path, None] = {}
    problems = []
    for text in (paths,) if isinstance(paths, str | Path) else paths:
        path = Path(text).expanduser()
        if path.is_dir():
            files = files_in_folder(path, suffixes)
        elif path.is_file():
            files = [path]
        else:
            matches = (Path(match) for match in sorted(glob.glob(str(path), recursive=True)))  # noqa: PTH207 (absolute)
            files = [file for file in matches if file.is_file() and not is_system_file(file.name)]
        if not files:
            kind = suffixes[0].removeprefix(".").upper()
            message = f"is not a file, nor a folder or pattern with a {kind} in it. Add it, or correct {setting}."
            problems.append(Problem(str(absolute_path(path)), None, message))
        tables |= dict.fromkeys(map(absolute_path, files))
    return [file for file in tables if not file.is_relative_to(absolute_path(outside))], problems


def formula_safe_path(path: str) -> str:
    """Return a relative path as the text of a cell: with "./" before it if a spreadsheet would run it as a formula.

    >>> formula_safe_path("=cam 1/a.jpg"), formula_safe_path("cam 1/a.jpg")
    ('./=cam 1/a.jpg', 'cam 1/a.jpg')
    """
    return f"./{path}" if path.startswith(FORMULA_STARTS) else path


def time_saved(file: Path) -> datetime:
    """Return when a file was last saved, or the start of 1970 if the file does not exist any more."""
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:  # reading the file reports it
        return datetime.fromtimestamp(0, UTC)
