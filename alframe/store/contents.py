"""What each file held when it was last read, so that a file which has not changed is not read again.

Size and modification time say whether a file may have changed (as git's index does); its content hash says what it
is. Losing this cache costs one reading of the pool and nothing else.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from filelock import FileLock

from alframe.store.database import connect, explained, is_damage, transaction
from alframe.store.records import dump_box
from alframe.types import Item

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS content (
    path TEXT NOT NULL, box TEXT NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
    content BLOB, reason TEXT, PRIMARY KEY (path, box)
) WITHOUT ROWID
"""
# Goes up whenever more files can be read than before: what was said of a file until then is not believed.
_READABLE = 1
_AT_ONCE = 500  # paths in a query; SQLite may be built for no more than 999

Stamp = tuple[int, int]  # size and modification time in nanoseconds


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a file gave: its content hash (16 bytes), or the reason why it is no image.

    `stamp` is from just before it was read; None if the reason lies outside the file, which is then tried again.
    """

    content: bytes | None
    reason: str | None
    stamp: Stamp | None


class Contents:
    """The cache, one SQLite file that several runs may share. A damaged one is set aside and begun anew."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        # One at a time: the switch to WAL does not wait for others, it fails.
        with FileLock(file.with_name(f".{file.name}.lock")), explained(file):
            if file.exists() and _damaged(file):
                _set_aside(file)
            self._db = connect(file)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute(_SCHEMA)
            if self._db.execute("PRAGMA user_version").fetchone()[0] < _READABLE:
                self._db.execute("DELETE FROM content WHERE reason IS NOT NULL")
                self._db.execute(f"PRAGMA user_version = {_READABLE}")

    def close(self) -> None:
        self._db.close()

    def known(self, items: Iterable[Item], present: Iterable[bool]) -> list[Reading | None]:
        """For each item what its file held, or None if it is to be read: never read yet, or changed since.

        One that is not `present` in the pool any more is not looked for: it is what it was when last read.
        """
        found: list[Reading | None] = []
        pairs = zip(items, present, strict=True)
        while some := list(islice(pairs, _AT_ONCE)):
            last = self._last({str(item.path) for item, _ in some})
            for item, there in some:
                reading = last.get(_name(item))
                if not there:
                    found.append(reading or Reading(None, "It is no longer in the pool.", None))
                else:
                    found.append(reading if reading and reading.stamp == _stamp(item.path) else None)
        return found

    def _last(self, paths: set[str]) -> dict[tuple[str, str], Reading]:
        sql = (
            f"SELECT path, box, content, reason, size, mtime FROM content WHERE path IN ({','.join('?' * len(paths))})"
        )
        with explained(self._file):
            rows = self._db.execute(sql, tuple(paths))
            return {(path, box): Reading(content, why, (size, time)) for path, box, content, why, size, time in rows}

    def note(self, readings: Sequence[tuple[Item, Reading]]) -> None:
        """Remember what was read, in one transaction.

        A file that could not be had (missing, locked, a drive that is off, no memory) is tried again next time.
        """
        rows = [(*_name(item), *one.stamp, one.content, one.reason) for item, one in readings if one.stamp is not None]
        with transaction(self._db, self._file), explained(self._file):
            self._db.executemany(
                "INSERT OR REPLACE INTO content (path, box, size, mtime, content, reason) VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )


def _name(item: Item) -> tuple[str, str]:
    return str(item.path), dump_box(item.box) or ""


def _stamp(path: Path) -> Stamp | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a million of them
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _damaged(file: Path) -> bool:
    try:
        with closing(connect(file)) as db:
            return bool(db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return True


def _set_aside(file: Path) -> None:
    log.warning("%s is damaged; it is kept as %s.damaged, and the images are read again.", file, file.name)
    for end in ("", "-wal", "-shm"):
        part = file.with_name(file.name + end)
        if part.exists():
            part.replace(file.with_name(f"{file.name}.damaged{end}"))
