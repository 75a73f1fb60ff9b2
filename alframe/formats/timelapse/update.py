"""Change values in the `.ddb` of a user: only after a backup, and only while Timelapse is closed."""

from __future__ import annotations

import csv
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alframe.errors import FormatError
from alframe.formats.timelapse.prepared import find_version_problem
from alframe.formats.timelapse.sqlite import BACKUPS_FOLDER, check_integrity, connect, explain_errors, quote_name
from alframe.store.files import replace_atomically

PROGRAM_NAME = "timelapse"
QUIET_SECONDS = 60  # since the last change: on a shared drive Timelapse may run on a computer that we cannot see


@dataclass(frozen=True, slots=True)
class RowUpdate:
    """New cells of one record. The record is changed only if it still belongs to this image."""

    id: int
    file: str
    relative_path: str
    cells: Mapping[str, str]


def explain_unsafe_write(ddb: Path) -> str:
    """Return why the file should not be written to now, or ""; raises FormatError."""
    if reason := find_version_problem(ddb):
        return reason
    for ending in ("-journal", "-wal"):
        if ddb.with_name(ddb.name + ending).exists():
            return f"{ddb.name}{ending} is beside it, so Timelapse is using it or has crashed"
    if abs(time.time() - ddb.stat().st_mtime) < QUIET_SECONDS:  # abs: clocks differ
        return f"{ddb.name} was changed less than a minute ago, so Timelapse may be open"
    running = is_timelapse_running()
    if running is None:
        return "it is unknown whether Timelapse is running"
    return "Timelapse is running" if running else ""


def back_up_and_update_rows(ddb: Path, changes: Sequence[RowUpdate], set_cells: Mapping[str, str]) -> Path:
    """Make all changes, also those of ImageSetTable, or none. Return the backup. Raises FormatError."""
    check_integrity(ddb)
    backup = back_up(ddb)
    with explain_errors(ddb), connect(ddb, "rw") as db:
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("BEGIN IMMEDIATE")
        try:
            for change in changes:
                names = ", ".join(f"{quote_name(name)} = ?" for name in change.cells)
                cursor = db.execute(
                    f"UPDATE DataTable SET {names} WHERE Id = ? AND File = ? AND RelativePath = ?",
                    (*change.cells.values(), change.id, change.file, change.relative_path),
                )
                if cursor.rowcount != 1:
                    raise FormatError(f"{ddb} has just been changed by another program. Run the same command again.")
            for name, value in set_cells.items():
                db.execute(f"UPDATE ImageSetTable SET {quote_name(name)} = ? WHERE Id = 1", (value,))
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
    try:
        check_integrity(ddb)
    except FormatError as error:
        raise FormatError(f"{error} It was intact before: restore {backup}.") from error
    return backup


def back_up(ddb: Path) -> Path:
    """Make a backup of the file, with the changes that are still in its log, and a name as Timelapse gives it."""
    target = ddb.parent / BACKUPS_FOLDER / f"{ddb.stem}.{datetime.now():%Y-%m-%d.%H-%M-%S}{ddb.suffix}"
    with (
        explain_errors(ddb),
        replace_atomically(target) as temporary,
        connect(ddb) as source,
        closing(sqlite3.connect(temporary)) as copy,
    ):
        source.backup(copy)
    return target


def is_timelapse_running() -> bool | None:
    """Return whether Timelapse runs on this computer (with Wine if not on Windows); None if this is not known."""
    try:
        return any(PROGRAM_NAME in name.casefold() for name in _running_programs())
    except (OSError, subprocess.SubprocessError):
        return None


def _running_programs() -> Iterable[str]:
    if sys.platform == "win32":
        listing = _run_command("tasklist", "/FO", "CSV", "/NH")
        return [row[0] for row in csv.reader(listing.splitlines()) if row]
    if Path("/proc/self/comm").exists():
        return [_program_name(Path(entry.path)) for entry in os.scandir("/proc") if entry.name.isdecimal()]
    return _run_command("ps", "-axo", "comm=").splitlines()


def _program_name(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it has just ended
        return ""


def _run_command(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=True, timeout=30).stdout
