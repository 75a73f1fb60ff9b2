"""What the pages read: the journal, the images and the pool as it was last published, in one connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alframe.kit.databases import explain_errors
from alframe.label_sources.web.images import IMAGES_NAME, ImageDatabase
from alframe.label_sources.web.journal import JOURNAL_NAME, Journal
from alframe.label_sources.web.pool_file import POOL_TABLE


class DatabaseReader:
    """Reads with the journal's tables by their own names, those of the other files as `images.` and `pool.`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with ImageDatabase.open(folder):  # makes it
            pass
        self.journal = Journal.open(folder, read_only=True)
        self.db.execute("ATTACH ? AS images", (str(folder / IMAGES_NAME),))
        self.db.execute("ATTACH ':memory:' AS pool")
        self.db.execute("PRAGMA query_only = OFF")
        self.db.execute(f"CREATE TABLE pool.{POOL_TABLE.strip()}")  # empty: nothing was published yet
        self.db.execute("PRAGMA query_only = ON")

    @property
    def db(self) -> sqlite3.Connection:
        return self.journal.db

    def attach_pool(self, name: str) -> None:
        """Read this pool file from now on; one that is gone already was followed by others."""
        file = self._folder / name
        if file.exists():
            self.db.execute("DETACH pool")
            self.db.execute("ATTACH ? AS pool", (str(file),))

    def rows(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[tuple[Any, ...]]:
        with explain_errors(self._folder / JOURNAL_NAME):
            return self.db.execute(sql, values).fetchall()

    def value(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> Any:
        """Return the first value of the first row, None if there is no row."""
        rows = self.rows(sql, values)
        return rows[0][0] if rows else None

    def close(self) -> None:
        self.journal.close()
