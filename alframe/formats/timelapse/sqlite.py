"""Read an SQLite file that another program may be writing to at the same moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePath
from urllib.parse import quote

from alframe.errors import FormatError

LOCK_TIMEOUT = 10  # seconds to wait for another program's lock; Timelapse holds one for an instant
BACKUPS_FOLDER = "Backups"  # the folder in which Timelapse keeps copies, beside the file itself

_REMEDIES = {
    sqlite3.SQLITE_BUSY: "Another program is using it. Wait until that has ended, and run the same command again.",
    sqlite3.SQLITE_LOCKED: "Another program is using it. Wait until that has ended, and run the same command again.",
    sqlite3.SQLITE_READONLY: "A program stopped during a change. Open it once in Timelapse, which repairs it.",
    sqlite3.SQLITE_CANTOPEN: "Check that it is there and that you may read it and its folder; if a file with -journal "
    "or -wal after its name lies beside it, open it once in Timelapse and close it.",
    sqlite3.SQLITE_NOTADB: f"It is damaged, or not a Timelapse file. The folder {BACKUPS_FOLDER} beside it has copies.",
    sqlite3.SQLITE_CORRUPT: f"It is damaged. Put back the newest good copy from the folder {BACKUPS_FOLDER} beside it.",
    sqlite3.SQLITE_IOERR: "Check the drive that it is on, and run the same command again.",
    sqlite3.SQLITE_FULL: "Make room on the disk, and run the same command again.",
}


@contextmanager
def open_read_only(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a connection that cannot write; close it soon, and fetch all that you select. Raises FormatError."""
    with explain_errors(file):
        if not file.is_file():
            raise FormatError(f"{file} does not exist, or is not a file. Check the path.")
        with connect(file) as db:
            db.text_factory = lambda data: data.decode("utf-8", "replace")
            yield db


@contextmanager
def explain_errors(file: Path) -> Iterator[None]:
    """Turn SQLite's errors and the system's into a FormatError that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        # The low byte is the kind, the rest the occasion. Errors of the Python module itself have none.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        remedy = _REMEDIES.get(code, "Open it once in Timelapse; if that complains too, put back a copy from Backups.")
        raise FormatError(f"{file} cannot be used: {error}. {remedy}") from error
    except OSError as error:
        reason = error.strerror or error
        raise FormatError(f"{file} cannot be used: {reason}. Check the file and its folder.") from error


def connect(file: Path, mode: str = "ro") -> closing[sqlite3.Connection]:
    """Open a connection for reading ("ro") or writing ("rw"), to be used in a `with` that closes it."""
    uri = file_uri(file.absolute(), mode)
    return closing(sqlite3.connect(uri, uri=True, timeout=LOCK_TIMEOUT, isolation_level=None))


def file_uri(file: PurePath, mode: str = "ro") -> str:
    """Return SQLite's URI of an absolute path of any system, network shares included."""
    path = file.as_posix()
    return f"file://{quote(path if path.startswith('/') else '/' + path, safe='/:')}?mode={mode}"


def column_names(db: sqlite3.Connection, table: str) -> tuple[str, ...]:
    """Return the names of a table's columns; empty if there is no such table."""
    return tuple(row[1] for row in db.execute(f"PRAGMA table_info({quote_name(table)})"))


def quote_name(name: str) -> str:
    """Quote a name for SQL, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def check_integrity(file: Path) -> None:
    """Raise FormatError if SQLite's own quick check finds damage."""
    with open_read_only(file) as db:
        results = [str(row[0]) for row in db.execute("PRAGMA quick_check(3)").fetchall()]
    if results != ["ok"]:
        raise FormatError(f"{file} cannot be used: {'; '.join(results)[:300]}. {_REMEDIES[sqlite3.SQLITE_CORRUPT]}")
