"""SQLite as the ledger and the file cache use it: connections, transactions, and errors that say what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alframe.errors import StoreError

_REMEDIES = {
    sqlite3.SQLITE_FULL: "Make room and run the same command again.",
    sqlite3.SQLITE_BUSY: "Another program is using it: wait until that has ended and run the same command again.",
    sqlite3.SQLITE_READONLY: "Make the file and its folder writable and run the same command again.",
    sqlite3.SQLITE_IOERR: "Check the drive that it is on, and run the same command again.",
}


def connect(file: Path) -> sqlite3.Connection:
    """Open a connection without implicit transactions that enforces what the schema says. Raises sqlite3.Error."""
    db = sqlite3.connect(file, isolation_level=None, timeout=60)
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA recursive_triggers = ON")  # else INSERT OR REPLACE deletes past the triggers
    return db


@contextmanager
def transaction(db: sqlite3.Connection, file: Path) -> Iterator[None]:
    """Commit all that the block writes, or nothing. Raises StoreError."""
    with explain_errors(file):
        db.execute("BEGIN IMMEDIATE")
    try:
        yield
        with explain_errors(file):
            db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk may have ended it already
            db.execute("ROLLBACK")
        raise


@contextmanager
def explain_errors(file: Path) -> Iterator[None]:
    """Turn SQLite's errors into a StoreError that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        if is_damage(error):
            advice = "If a copy program or a network drive damaged it, restore the file from a backup."
        else:
            advice = f"Nothing that was stored before is lost. {_REMEDIES.get(_primary_code(error), '')}"
        raise StoreError(f"{file} cannot be used: {error}. {advice.strip()}") from error


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether the file is not a database, or a damaged one."""
    return _primary_code(error) in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def _primary_code(error: sqlite3.Error) -> int:
    # The low byte is the kind, the rest the occasion. Errors of the Python module itself have none.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
