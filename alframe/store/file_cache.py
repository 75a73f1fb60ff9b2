"""What each file held when it was last read, so that a file which has not changed is not read again.

Size and modification time say whether a file may have changed (as git's index does); its content hash says what it
is. Losing this cache costs one reading of the pool and nothing else.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from filelock import FileLock

from alframe.store.database import connect, explained, is_damage, transaction
from alframe.store.records import dump_box
from alframe.types import InputSpec, Item

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS content (
    path TEXT NOT NULL, box TEXT NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
    content BLOB, reason TEXT, PRIMARY KEY (path, box)
) WITHOUT ROWID
"""
# Of what was embedded before there were such hashes there is no row. Two inputs may see the same file a little
# differently, so each has its own; then a campaign's hashes do not depend on which other one came first.
_HASHES = """
CREATE TABLE IF NOT EXISTS hash (
    content BLOB NOT NULL, input TEXT NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (content, input)
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


class FileCache:
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
            self._db.execute(_HASHES)
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
            names = [_name(item) for item, _ in some]
            last = self._last({path for path, _ in names})
            for name, (_, there) in zip(names, some, strict=True):
                reading = last.get(name)
                if not there:
                    found.append(reading or Reading(None, "It is no longer in the pool.", None))
                else:
                    found.append(reading if reading and reading.stamp == _stamp(name[0]) else None)
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

    def hashes(self, contents: Iterable[bytes], spec: InputSpec) -> dict[bytes, bytes]:
        """The difference hashes of those of the contents of which one is known, as an input of this kind sees them."""
        found: dict[bytes, bytes] = {}
        rest = iter(contents)
        while some := list(islice(rest, _AT_ONCE)):
            sql = f"SELECT content, hash FROM hash WHERE input = ? AND content IN ({','.join('?' * len(some))})"
            with explained(self._file):
                found.update(self._db.execute(sql, (_input(spec), *some)))
        return found

    def note_hashes(self, hashes: Mapping[bytes, bytes], spec: InputSpec) -> None:
        """Remember the difference hash of each content, in one transaction."""
        rows = [(content, _input(spec), one) for content, one in hashes.items()]
        with transaction(self._db, self._file), explained(self._file):
            self._db.executemany("INSERT OR REPLACE INTO hash (content, input, hash) VALUES (?, ?, ?)", rows)


def _input(spec: InputSpec) -> str:
    """What decides the pixels that a file gives."""
    return f"{spec.size} {spec.channels} {spec.interpolation} {spec.value_range}"


def _name(item: Item) -> tuple[str, str]:
    return str(item.path), dump_box(item.box) or ""


def _stamp(path: str) -> Stamp | None:
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
