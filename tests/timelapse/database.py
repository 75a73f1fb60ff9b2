"""Timelapse's way with SQLite: one short connection an operation, one transaction a write."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WAIT = 30.0  # seconds that a locked file is waited for


class Refused(Exception):
    """Timelapse does not do this; the message is what it says, or would crash with."""


class Chooser(Refused):
    """Timelapse asks which of several files is meant."""


@contextmanager
def connected(file: Path, wait: float = WAIT) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(file, timeout=wait, isolation_level=None)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        yield connection
    finally:
        connection.close()


@contextmanager
def writing(file: Path, wait: float = WAIT) -> Iterator[sqlite3.Connection]:
    """One transaction: all of it or nothing."""
    with connected(file, wait) as connection:
        try:
            connection.execute("PRAGMA synchronous = OFF")  # no power fails in tests
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise Refused(f"{error}: somebody keeps {file.name} from being written") from error
        try:
            yield connection
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            connection.execute("ROLLBACK")
            raise Refused(f"{error}: {file.name} could not be written") from error
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info ({table})")]


def tables(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@contextmanager
def held(file: Path, exclusive: bool) -> Iterator[None]:
    """A write that is under way; `exclusive` as in the moment of its commit, when nobody can read."""
    with connected(file) as connection:
        connection.execute("BEGIN EXCLUSIVE" if exclusive else "BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


_DIES = """
import os, signal, sqlite3, sys
file, mode, sql = sys.argv[1:]
connection = sqlite3.connect(file, isolation_level=None)
if mode == "wal":
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(sql)  # committed, but to the -wal file alone
else:
    connection.execute("PRAGMA cache_size = 1")  # so that changed pages are written before the commit
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(sql)
    connection.execute("UPDATE ImageSetTable SET Log = hex(zeroblob(500000))")
os.kill(os.getpid(), signal.SIGKILL)
"""


def crash(file: Path, mode: str, sql: str) -> None:
    """A process is killed in mid-transaction (`journal`: `sql` never happened) or after its commit (`wal`: it did)."""
    done = subprocess.run([sys.executable, "-c", _DIES, str(file), mode, sql], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert file.with_name(f"{file.name}-{mode}").exists()
