"""Read an SQLite file that another program may be writing to at the same moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path, PurePath
from urllib.parse import quote

from alframe.errors import FormatError

LOCK_TIMEOUT = 10  # seconds to wait for another program's lock; Timelapse holds one for an instant
BACKUPS_FOLDER = "Backups"  # the folder in which Timelapse keeps copies, beside the file itself

STEPS_BETWEEN_CHECKS = 100_000  # of SQLite's own instructions; some milliseconds
MAX_STEPS = 1_000_000_000  # some ten seconds; the records of a million images take a twentieth of it
_TABLES = {"datatable", "templatetable", "imagesettable", "templateinfo", "folderdatainfo"}
_OPEN_ONCE = "Open it once in Timelapse; if Timelapse reports an error too, restore a copy from Backups."
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "Another program is using it. Wait until it has ended, and run the same command again.",
    sqlite3.SQLITE_LOCKED: "Another program is using it. Wait until it has ended, and run the same command again.",
    sqlite3.SQLITE_READONLY: "A program stopped during a change. Open it once in Timelapse, which repairs it.",
    sqlite3.SQLITE_CANTOPEN: "Check that it is there and that you may read it and its folder. If a file with -journal "
    "or -wal after its name is beside it, open the set once in Timelapse and close it.",
    sqlite3.SQLITE_NOTADB: f"It is damaged, or not a Timelapse file. The folder {BACKUPS_FOLDER} beside it has copies.",
    sqlite3.SQLITE_CORRUPT: f"It is damaged. Put back the newest good copy from the folder {BACKUPS_FOLDER} beside it.",
    sqlite3.SQLITE_IOERR: "Make room if the disk is full, else check the drive, and run the same command again.",
    sqlite3.SQLITE_FULL: "Make room on the disk, and run the same command again.",
}


@contextmanager
def open_read_only(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a connection that cannot write. Close it soon, and fetch all selected rows. Raises FormatError.

    The file may come from anybody. So a view instead of a table is refused, because a view may have no end, and a query
    is stopped after MAX_STEPS. Ctrl-C stops it at once.
    """
    with explain_errors(file):
        if not file.is_file():
            raise FormatError(f"{file} does not exist, or is not a file. Check the path.")
        with connect(file) as db:
            db.text_factory = lambda data: data.decode("utf-8", "replace")
            looks = _stop_after_most_steps(db)
            try:
                _require_plain_tables(file, db)
                yield db
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                    raise
                if next(looks) <= MAX_STEPS // STEPS_BETWEEN_CHECKS:  # Ctrl-C, which SQLite's module keeps to itself
                    raise KeyboardInterrupt from None
                raise FormatError(f"{file} cannot be used: a query in it does not end. {_OPEN_ONCE}") from error


def _stop_after_most_steps(db: sqlite3.Connection) -> Iterator[int]:
    """Stop any query of this connection after MAX_STEPS. Return the counter of the checks."""
    looks = count()
    db.set_progress_handler(lambda: next(looks) >= MAX_STEPS // STEPS_BETWEEN_CHECKS, STEPS_BETWEEN_CHECKS)
    return looks


def _require_plain_tables(file: Path, db: sqlite3.Connection) -> None:
    others = db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'view' OR (type = 'table' AND sql LIKE 'CREATE VIRTUAL%')"
    ).fetchall()
    for (name,) in others:
        if str(name).casefold() in _TABLES:
            raise FormatError(f"{file} cannot be used: {name} is not a table, but a view or virtual. {_OPEN_ONCE}")


@contextmanager
def explain_errors(file: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the system into a FormatError with a remedy."""
    try:
        yield
    except sqlite3.Error as error:
        # The low byte is the kind, the rest the occasion. Errors of the Python module itself have none.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        remedy = _REMEDIES.get(code, _OPEN_ONCE)
        raise FormatError(f"{file} cannot be used: {error}. {remedy}") from error
    except OSError as error:
        reason = error.strerror or error
        raise FormatError(f"{file} cannot be used: {reason}. Check the file and its folder.") from error
    except (ValueError, TypeError, OverflowError, MemoryError, RecursionError) as error:  # of what nobody expects there
        raise FormatError(f"{file} cannot be used: {error}. {_REMEDIES[sqlite3.SQLITE_CORRUPT]}") from error


def connect(file: Path, mode: str = "ro") -> closing[sqlite3.Connection]:
    """Open a connection for reading ("ro") or writing ("rw"), to be used in a `with` that closes it."""
    uri = sqlite_uri(file.absolute(), mode)
    return closing(sqlite3.connect(uri, uri=True, timeout=LOCK_TIMEOUT, isolation_level=None))


def sqlite_uri(file: PurePath, mode: str = "ro") -> str:
    """Return SQLite's URI of an absolute path of any system, network shares included."""
    path = file.as_posix()
    return f"file://{quote(path if path.startswith('/') else '/' + path, safe='/:')}?mode={mode}"


def column_names(db: sqlite3.Connection, table: str) -> tuple[str, ...]:
    """Return the names of a table's columns; empty if there is no such table."""
    return tuple(row[1] for row in db.execute(f"PRAGMA table_info({quote_name(table)})"))


def quote_name(name: str) -> str:
    """Return a name, with any characters, quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def check_integrity(file: Path) -> None:
    """Raise FormatError if SQLite's own quick check finds damage."""
    with open_read_only(file) as db:
        results = [str(row[0]) for row in db.execute("PRAGMA quick_check(3)").fetchall()]
    if results != ["ok"]:
        raise FormatError(f"{file} cannot be used: {'; '.join(results)[:300]}. {_REMEDIES[sqlite3.SQLITE_CORRUPT]}")
