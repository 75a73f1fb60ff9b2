"""The databases that the pages read: the journal, the images and the last published pool, in one connection."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alframe.label_sources.web.images import IMAGES_NAME, ImageDatabase
from alframe.label_sources.web.journal import Journal
from alframe.label_sources.web.pool_file import POOL_TABLE


class DatabaseReader:
    """Reads the journal's tables by their own names, and the tables of the other files as `images.` and `pool.`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with ImageDatabase.open(folder):  # makes it
            pass
        self.journal = Journal.open(folder, read_only=True)
        self.rows, self.value = self.journal.rows, self.journal.value
        self.db.execute("ATTACH ? AS images", (str(folder / IMAGES_NAME),))
        self.db.execute("ATTACH ':memory:' AS pool")
        self.db.execute("PRAGMA query_only = OFF")
        self.db.execute(f"CREATE TABLE pool.{POOL_TABLE.strip()}")  # empty: nothing was published yet
        self.db.execute("PRAGMA query_only = ON")

    @property
    def db(self) -> sqlite3.Connection:
        return self.journal.db

    def attach_pool(self, name: str) -> None:
        """Read this pool file from now on. A file that was removed is ignored, because newer files follow."""
        file = self._folder / name
        if file.exists():
            self.db.execute("DETACH pool")
            self.db.execute("ATTACH ? AS pool", (str(file),))

    def close(self) -> None:
        self.journal.close()
