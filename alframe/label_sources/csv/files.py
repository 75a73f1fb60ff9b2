"""Which CSV files people's answers are in."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path

from alframe.store.names import is_litter
from alframe.types import Problem

TABLES = {".csv"}
WORKBOOKS = {".xlsx", ".xls", ".xlsm", ".ods", ".numbers"}


def in_folder(folder: Path, suffixes: Collection[str] = TABLES) -> list[Path]:
    """The files directly in a folder that a person may have saved there, by name; none if it is no folder."""
    if not folder.is_dir():
        return []
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in suffixes and not is_litter(file.name) and file.is_file()
    )


def named(names: Iterable[str], outside: Path, setting: str) -> tuple[list[Path], list[Problem]]:
    """The files that paths, folders (all CSV in them) and patterns name, and a Problem for each that names nothing.

    Without those below `outside`, which are read anyway. `setting` is where the names were given.
    """
    files: dict[Path, None] = {}
    problems = []
    for name in names:
        path = Path(name).expanduser()
        if path.is_dir():
            found = in_folder(path)
        elif path.is_file():
            found = [path]
        else:
            matches = (Path(match) for match in sorted(glob.glob(str(path), recursive=True)))  # noqa: PTH207 (absolute)
            found = [file for file in matches if file.is_file() and not is_litter(file.name)]
        if not found:
            message = f"is no file, and no folder or pattern with a CSV in it. Put it there, or correct {setting}."
            problems.append(Problem(str(path), None, message))
        files |= dict.fromkeys(Path(os.path.abspath(file)) for file in found)  # noqa: PTH100 (links stay)
    inside = Path(os.path.abspath(outside))  # noqa: PTH100
    return [file for file in files if not file.is_relative_to(inside)], problems


def saved(file: Path) -> datetime:
    """When a file was saved last; the beginning of time if it is gone since it was listed, which reading it reports."""
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:
        return datetime.fromtimestamp(0, UTC)
