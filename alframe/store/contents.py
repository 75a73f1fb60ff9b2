"""What each file held when it was last read, so that a file which has not changed is not read again.

Size and modification time say whether a file may have changed (as git's index does); its content hash says what it
is. Losing this cache costs one reading of the pool and nothing else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from alframe.store.records import dump_box
from alframe.types import Item

_SCHEMA = """
CREATE TABLE IF NOT EXISTS content (
    path TEXT NOT NULL, box TEXT NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
    content BLOB, reason TEXT, PRIMARY KEY (path, box)
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a file gave: its content hash (16 bytes), or the reason why it is no image."""

    content: bytes | None
    reason: str | None


class Contents:
    """The cache, one SQLite file that several runs may share."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(file, isolation_level=None, timeout=60)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def known(self, items: Iterable[Item], present: Iterable[bool]) -> list[Reading | None]:
        """For each item what its file held, or None if it is to be read: never read yet, or changed since.

        One that is not `present` in the pool any more is not looked for: it is what it was when last read.
        """
        return [self._current(item) if there else self._last(item) for item, there in zip(items, present, strict=True)]

    def _current(self, item: Item) -> Reading | None:
        row = self._db.execute(
            "SELECT content, reason FROM content WHERE path = ? AND box = ? AND size = ? AND mtime = ?",
            (*_name(item), *_stat(item.path)),
        ).fetchone()
        return None if row is None else Reading(*row)

    def _last(self, item: Item) -> Reading:
        row = self._db.execute("SELECT content, reason FROM content WHERE path = ? AND box = ?", _name(item)).fetchone()
        return Reading(None, "It is no longer in the pool.") if row is None else Reading(*row)

    def note(self, readings: Sequence[tuple[Item, Reading]]) -> None:
        """Remember what was read, in one transaction.

        A file whose bytes could not be had (missing, locked, a drive that is off) is tried again next time.
        """
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(
            "INSERT OR REPLACE INTO content (path, box, size, mtime, content, reason) VALUES (?, ?, ?, ?, ?, ?)",
            (
                (*_name(item), *_stat(item.path), reading.content, reading.reason)
                for item, reading in readings
                if reading.content is not None
            ),
        )
        self._db.execute("COMMIT")


def _name(item: Item) -> tuple[str, str]:
    return str(item.path), dump_box(item.box) or ""


def _stat(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return -1, -1  # never noted, so never found
    return found.st_size, found.st_mtime_ns
