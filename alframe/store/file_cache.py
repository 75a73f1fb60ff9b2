"""Remember the content hash of each file, so that an unchanged file is not read again.

Size and modification time show whether a file may have changed (as in git's index). The content hash identifies its
content. If this cache is lost, the pool is read once more, and nothing else is lost.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock

from alframe.store.database import Database, connect, explain_errors, is_damage
from alframe.store.files import replace_file
from alframe.store.records import dump_box
from alframe.types import InputSpec, Item, ItemColumns

log = logging.getLogger(__name__)

# Images that were embedded before there were difference hashes have no row in `hash`. Two inputs may see the same file
# a little differently, so each has its own; then a campaign's hashes do not depend on which other one came first.
SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS content (
    path TEXT NOT NULL, box TEXT NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
    content BLOB, reason TEXT, damage TEXT, PRIMARY KEY (path, box)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS content_mtime ON content (mtime);
CREATE INDEX IF NOT EXISTS content_content ON content (content);
CREATE TABLE IF NOT EXISTS hash (
    content BLOB NOT NULL, input TEXT NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (content, input)
) WITHOUT ROWID
"""
# Goes up whenever more files can be read than before: the reasons that were stored until then are forgotten. Up to
# version 1 there was no column `damage`.
READER_VERSION = 2
VALUES_PER_QUERY = 500  # SQLite may be built for no more than 999

Stamp = tuple[int, int]  # size and modification time in nanoseconds
FileKey = tuple[str, str]  # path, and box ("" for a whole image)


@dataclass(frozen=True, slots=True)
class FileContent:
    """The content of a file or of a box in it: its hash (16 bytes), and the reason if it is not a readable image.

    `stamp` is from just before it was read. It is None if the reason is not in the file; then the file is tried again.
    `damage` describes the missing part of a readable image.
    """

    content_hash: bytes | None
    reason: str | None
    stamp: Stamp | None
    damage: str | None = None


class FileCache(Database):
    """The cache, one SQLite file that several runs may share. A damaged one is moved away and replaced."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        # One at a time: the switch to WAL does not wait for others, it fails.
        with FileLock(file.with_name(f".{file.name}.lock")), explain_errors(file):
            if file.exists() and _is_damaged(file):
                _move_damaged(file)
            super().__init__(connect(file), file)
            self._db.executescript(SCHEMA)
            if self._db.execute("PRAGMA user_version").fetchone()[0] < READER_VERSION:
                self._migrate()

    def _migrate(self) -> None:
        columns = [name for _, name, *_ in self._db.execute("PRAGMA table_info(content)")]
        if "damage" not in columns:
            self._db.execute("ALTER TABLE content ADD COLUMN damage TEXT")
        self._db.execute("DELETE FROM content WHERE reason IS NOT NULL")
        self._db.execute(f"PRAGMA user_version = {READER_VERSION}")

    def look_up(self, items: Iterable[Item], present: Iterable[bool]) -> list[FileContent | None]:
        """Return the content of each item's file, as `look_up_files` does."""
        return self.look_up_files(map(file_key, items), present)

    def look_up_files(self, keys: Iterable[FileKey], present: Iterable[bool]) -> list[FileContent | None]:
        """Return the content of each file, or None if it was never read or has changed since.

        If a file is no longer `present` in the pool, its last known content is returned without a check.
        """
        contents: list[FileContent | None] = []
        pairs = zip(keys, present, strict=True)  # keys may be a generator
        while chunk := list(islice(pairs, VALUES_PER_QUERY)):
            stored = {
                (path, box): FileContent(content, reason, (size, mtime), damage)
                for path, box, content, reason, size, mtime, damage in self._select_files(
                    {path for (path, _), _ in chunk}
                )
            }
            for key, is_present in chunk:
                content = stored.get(key)
                if not is_present:
                    content = content or FileContent(None, "It is no longer in the pool.", None)
                elif content and content.stamp != read_stamp(key[0]):
                    content = None
                contents.append(content)
        return contents

    def _select_files(self, paths: set[str]) -> Iterable[Any]:
        """Return the rows of at most VALUES_PER_QUERY paths, and perhaps those of others."""
        sql, limit = (
            "SELECT path, box, content, reason, size, mtime, damage FROM content WHERE path",
            2 * VALUES_PER_QUERY,
        )
        # Paths that follow each other in the pool are mostly neighbours in the table: then this takes half the time.
        rows = self.rows(f"{sql} BETWEEN ? AND ? LIMIT {limit}", (min(paths), max(paths)))
        return rows if len(rows) < limit else self._select(f"{sql} IN", paths)

    def look_up_moved(self, items: Sequence[Item]) -> list[dict[bytes, FileContent]]:
        """Return for each item the contents of other files with the same size and time, by content hash.

        A file keeps size and time when it is moved, and mostly when it is copied. Only its hash can prove that it is
        the same file.
        """
        stamps = [read_stamp(str(item.path)) for item in items]
        found: defaultdict[tuple[Stamp, str], dict[bytes, FileContent]] = defaultdict(dict)
        sql = "SELECT box, content, reason, size, mtime, damage FROM content WHERE mtime IN"
        for box, content, reason, size, mtime, damage in self._select(sql, {stamp[1] for stamp in stamps if stamp}):
            if content is not None:
                found[(size, mtime), box][content] = FileContent(content, reason, (size, mtime), damage)
        pairs = zip(stamps, items, strict=True)
        return [found.get((stamp, file_key(item)[1]), {}) if stamp else {} for stamp, item in pairs]

    def files_with(self, content_hashes: Iterable[bytes]) -> dict[FileKey, bytes]:
        """Return the files, or boxes in them, that held one of these contents when they were last read."""
        rows = self._select("SELECT path, box, content FROM content WHERE content IN", content_hashes)
        return {(path, box): content for path, box, content in rows}

    def remember(self, contents: Sequence[tuple[Item, FileContent]]) -> None:
        """Store the contents that were read, in one transaction.

        A file that could not be read (missing, locked, drive switched off, no memory) is tried again next time.
        """
        self._write(
            "INSERT OR REPLACE INTO content (path, box, size, mtime, content, reason, damage) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (*file_key(item), *content.stamp, content.content_hash, content.reason, content.damage)
                for item, content in contents
                if content.stamp is not None
            ],
        )

    def look_up_difference_hashes(self, content_hashes: Iterable[bytes], spec: InputSpec) -> dict[bytes, bytes]:
        """Return the known difference hashes by content hash, for images prepared as for this input."""
        sql = "SELECT content, hash FROM hash WHERE input = ? AND content IN"
        return dict(self._select(sql, content_hashes, _input_key(spec)))

    def remember_difference_hashes(self, hashes: Mapping[bytes, bytes], spec: InputSpec) -> None:
        """Store the difference hash of each content hash, in one transaction."""
        self._write(
            "INSERT OR REPLACE INTO hash (content, input, hash) VALUES (?, ?, ?)",
            [(content_hash, _input_key(spec), value) for content_hash, value in hashes.items()],
        )

    def _select(self, sql: str, values: Iterable[object], *first: object) -> Iterator[Any]:
        """Yield the rows of a query that ends in IN, one of the `values`."""
        rest = iter(values)
        while chunk := list(islice(rest, VALUES_PER_QUERY)):
            yield from self.rows(f"{sql} ({','.join('?' * len(chunk))})", (*first, *chunk))

    def _write(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self.transaction(), explain_errors(self.file):
            self._db.executemany(sql, rows)


def _input_key(spec: InputSpec) -> str:
    """Return the properties of an input that decide the pixels of a file."""
    return f"{spec.size} {spec.channels} {spec.interpolation} {spec.value_range}"


def file_key(item: Item) -> FileKey:
    """Return the path and the box that are the key of an item in the cache."""
    return str(item.path), dump_box(item.box) or ""


def file_keys(items: Sequence[Item]) -> Iterable[FileKey]:
    """Return the path and the box that are the key of each item in the cache."""
    columns = ItemColumns.of(items)
    return ((path, dump_box(box) or "") for path, box in zip(columns.paths, columns.boxes, strict=True))


def read_stamp(path: str) -> Stamp | None:
    """Return the size and modification time (ns) of a file, or None if it does not exist."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a million of them
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _is_damaged(file: Path) -> bool:
    try:
        with closing(connect(file)) as db:
            return bool(db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return True


def _move_damaged(file: Path) -> None:
    log.warning("%s is damaged; it is kept as %s.damaged, and the images are read again.", file, file.name)
    for suffix in ("", "-wal", "-shm"):
        part = file.with_name(file.name + suffix)
        if part.exists():
            replace_file(part, file.with_name(f"{file.name}.damaged{suffix}"))
