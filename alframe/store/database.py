"""SQLite for the ledger and the file cache: connections, transactions, and errors with a remedy."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from alframe.errors import AlframeError, StoreError

_CANNOT_WRITE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL)
_REMEDIES = {
    sqlite3.SQLITE_CANTOPEN: "Check that it is a file, and that you may read it and write to its folder.",
    sqlite3.SQLITE_FULL: "Make room and run the same command again.",
    sqlite3.SQLITE_BUSY: "Another program is using it: wait until it has ended and run the same command again.",
    sqlite3.SQLITE_READONLY: "Make the file and its folder writable and run the same command again.",
    sqlite3.SQLITE_IOERR: "Make room if the disk is full, else check the drive, and run the same command again.",
}


class Database:
    """An open SQLite file, as a context manager that closes it."""

    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        self._db = connection
        self.file = file

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def rows(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query. Raises StoreError."""
        with explain_errors(self.file):
            return self._db.execute(sql, values).fetchall()

    def transaction(self) -> AbstractContextManager[None]:
        """Return a context that commits all that its block writes, or nothing. Raises StoreError."""
        return transaction(self._db, self.file)


def connect(file: Path, any_thread: bool = False) -> sqlite3.Connection:
    """Open a connection that has no implicit transactions and enforces foreign keys and triggers. Raises sqlite3.Error.

    `any_thread`: not only the thread that opened the connection uses it, but several threads, one at a time.
    """
    db = sqlite3.connect(file, isolation_level=None, timeout=60, check_same_thread=not any_thread)
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA recursive_triggers = ON")  # else INSERT OR REPLACE deletes past the triggers
    return db


def connect_to_read(file: Path) -> sqlite3.Connection:
    """Open a connection that only reads, even if nothing can be written. Raises sqlite3.Error.

    To read a database in WAL mode, SQLite writes an index of the log. On a read-only drive, on a full disk or in
    another user's folder, the index is kept in memory. Other processes can still write.
    """
    try:
        db = connect(file)
        db.execute("PRAGMA query_only = ON")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return db
    except sqlite3.OperationalError as error:
        if _primary_code(error) not in _CANNOT_WRITE:
            raise
    log = file.with_name(f"{file.name}-wal")
    how = f"vfs={'win32' if os.name == 'nt' else 'unix'}-none" if log.exists() and log.stat().st_size else "immutable=1"
    db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&{how}", uri=True, isolation_level=None)
    db.execute("PRAGMA locking_mode = EXCLUSIVE")  # the index in memory
    return db


@contextmanager
def closed_on_error(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Give the connection to a block; close it if the block raises."""
    try:
        yield db
    except BaseException:
        db.close()
        raise


@contextmanager
def transaction(db: sqlite3.Connection, file: Path) -> Iterator[None]:
    """Commit everything that the block writes, or nothing. Raises StoreError."""
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
    """Turn SQLite's errors into a StoreError with a remedy."""
    try:
        yield
    except sqlite3.Error as error:
        if is_damage(error):
            raise damaged_error(file, error) from error
        advice = f"Nothing that was stored before is lost. {_REMEDIES.get(_primary_code(error), '')}"
        raise StoreError(f"{file} cannot be used: {error}. {advice.strip()}") from error
    except UnicodeDecodeError as error:  # SQLite's messages quote what is in the file
        raise damaged_error(file, error) from error


@contextmanager
def spoilt_content_as_store_error(file: Path) -> Iterator[None]:
    """Turn any error while reading the file into a StoreError, because this program did not write such content."""
    try:
        with explain_errors(file):
            yield
    except (AlframeError, OSError):
        raise
    except Exception as error:
        raise damaged_error(file, error) from error


def damaged_error(file: Path, error: Exception) -> StoreError:
    """Return the error for a file whose content cannot be understood."""
    return StoreError(
        f"{file} is damaged ({error}). Restore it from a backup, and remove {file.name}-wal and {file.name}-shm "
        "beside it. A copy program, a network drive or a full disk may have damaged it."
    )


def is_damage(error: sqlite3.Error) -> bool:
    return _primary_code(error) in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def _primary_code(error: sqlite3.Error) -> int:
    # The low byte is the kind, the rest the occasion. Errors of the Python module itself have none.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def timestamp() -> str:
    """Return the time now, in UTC, as ISO text."""
    return datetime.now(UTC).isoformat()
