"""The journal: a SQLite file with all answers in the browser. Rows are only added.

A row is on the disk (WAL, synchronous=FULL) before the browser gets the message that it is saved. The same transaction
stores the valid answers of each image (`find_standing_answers`), so that it is not necessary to read all rows.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from alframe.errors import StoreError
from alframe.kit.databases import Database, closed_on_error, connect, explain_errors
from alframe.label_sources.web.journal_rows import (
    JournalRow,
    NewAnswer,
    find_standing_answers,
    person_key,
    second_opinion_draw,
)

JOURNAL_NAME = "answers.sqlite"
EVERYBODY = ""  # in counts, and with the keys that classes have by themselves
_FIRST_SCHEMA = """
CREATE TABLE answer (
    n         INTEGER PRIMARY KEY AUTOINCREMENT,
    action    TEXT NOT NULL,             -- UUID from the browser: sent twice, it is written once
    image     TEXT NOT NULL,             -- the item's id
    round     INTEGER NOT NULL,          -- that requested the image, or else that was open
    requested INTEGER NOT NULL,          -- 1: the round requested the image
    classes   TEXT NOT NULL,             -- JSON list; []: the answer is taken back
    annotator TEXT NOT NULL,
    at        TEXT NOT NULL,             -- UTC
    seconds   REAL,                      -- spent on this image
    comment   TEXT NOT NULL,
    origin    TEXT NOT NULL,             -- grid, single, review, find, undo
    burst_of  TEXT,                      -- the image of the same burst that the answer was given on
    undoes    INTEGER REFERENCES answer (n),
    UNIQUE (action, image)
);
CREATE INDEX answer_image ON answer (image, n);
CREATE INDEX answer_round ON answer (round, image);
CREATE INDEX answer_annotator ON answer (annotator, n);
CREATE TABLE standing (                  -- made from answer: see find_standing_answers
    image     TEXT NOT NULL,
    annotator TEXT NOT NULL,
    round     INTEGER NOT NULL,
    requested INTEGER NOT NULL,
    n         INTEGER NOT NULL REFERENCES answer (n),
    draw      REAL NOT NULL,             -- below the share of second opinions: somebody else is asked too
    PRIMARY KEY (image, round, annotator)
) WITHOUT ROWID;
CREATE INDEX standing_round ON standing (round, requested, image);
CREATE INDEX standing_n ON standing (n);
CREATE INDEX standing_draw ON standing (draw);
CREATE TABLE answered (                  -- how many requested images of a round a person has answered; '': anybody
    round     INTEGER NOT NULL,
    by        TEXT NOT NULL,
    images    INTEGER NOT NULL,
    PRIMARY KEY (round, by)
) WITHOUT ROWID;
CREATE TABLE class (                     -- names that a person has confirmed to be classes
    name      TEXT PRIMARY KEY,
    annotator TEXT NOT NULL,
    at        TEXT NOT NULL
);
CREATE TABLE class_key (annotator TEXT, class TEXT, key TEXT NOT NULL, PRIMARY KEY (annotator, class));
CREATE TABLE project (id TEXT NOT NULL);  -- of this journal alone: a browser tells projects apart by it
INSERT INTO project VALUES (lower(hex(randomblob(16))));
CREATE TABLE session (digest TEXT PRIMARY KEY, name TEXT NOT NULL, named INTEGER NOT NULL, at TEXT NOT NULL);
CREATE TRIGGER answer_no_update BEFORE UPDATE ON answer BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER answer_no_delete BEFORE DELETE ON answer BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
"""
_LEASES = "CREATE TABLE lease (session TEXT PRIMARY KEY, images TEXT NOT NULL);  -- JSON list of their numbers\n"
_SCHEMA_STEPS = (_FIRST_SCHEMA, _LEASES)  # `PRAGMA user_version` counts those already done

_COLUMNS = ", ".join(JournalRow._fields)


class Journal(Database):
    """The file, a context manager that closes it. Open it with `Journal.open`."""

    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        super().__init__(connection, file)
        self._opened = _device_and_inode(file)

    @property
    def db(self) -> sqlite3.Connection:
        return self._db

    @classmethod
    def open(cls, folder: Path, read_only: bool = False) -> Self:
        """Open the journal in this folder, and make it if it does not exist. Raises StoreError."""
        file = folder / JOURNAL_NAME
        folder.mkdir(parents=True, exist_ok=True)
        with explain_errors(file), closed_on_error(connect(file, any_thread=True)) as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > len(_SCHEMA_STEPS):
                raise StoreError(f"{file} was written by a newer alframe. Update alframe to continue.")
            if read_only:
                db.execute("PRAGMA query_only = ON")
            else:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                for number, step in enumerate(_SCHEMA_STEPS[version:], start=version + 1):
                    db.executescript(f"BEGIN IMMEDIATE; {step} PRAGMA user_version = {number}; COMMIT;")
        return cls(db, file)

    @staticmethod
    def exists(folder: Path) -> bool:
        """Return whether this folder may have answers. A file without its tables has no answers."""
        file = folder / JOURNAL_NAME
        if not file.exists():
            return False
        with explain_errors(file), closing(connect(file)) as db:
            return int(db.execute("PRAGMA user_version").fetchone()[0]) > 0

    def require_in_place(self) -> None:
        """Raise StoreError if the file was removed or replaced since it was opened, because new rows would be lost."""
        if _device_and_inode(self.file) != self._opened:
            raise StoreError(
                f"{self.file} was removed, or replaced by another file, while it was in use. Stop alframe with Ctrl-C, "
                "put the file back if there is a copy of it, and run the same command again. Answers since then are "
                "not saved; answers that the model has learned from are in the ledger."
            )

    def append_answers(
        self, action: str, annotator: str, answers: Iterable[NewAnswer], at: datetime | None = None
    ) -> None:
        """Write the answers of one action, inside a transaction. Answers that were written before are skipped."""
        stamp = (at or datetime.now(UTC)).isoformat()
        counts: Counter[tuple[int, str]] = Counter()
        for answer in answers:
            values = (
                *(action, answer.image, answer.round, int(answer.requested)),
                json.dumps(list(answer.classes), ensure_ascii=False),
                *(annotator, stamp, answer.seconds, answer.comment, answer.origin, answer.burst_of, answer.undoes),
            )
            done = self.db.execute(
                f"INSERT OR IGNORE INTO answer ({_COLUMNS.removeprefix('n, ')}) VALUES ({', '.join('?' * 12)})", values
            )
            if done.rowcount:
                self._update_standing(answer.image, counts)
        sql = (
            "INSERT INTO answered VALUES (?, ?, ?) "
            "ON CONFLICT (round, by) DO UPDATE SET images = images + excluded.images"
        )
        self.db.executemany(sql, ((*key, change) for key, change in counts.items() if change))

    def _update_standing(self, image: str, count_changes: Counter[tuple[int, str]]) -> None:
        """Store the valid answers of an image, and add the changes of the counts by (round, person)."""
        standing = find_standing_answers(self.rows_of_image(image))
        sql = "DELETE FROM standing WHERE image = ? RETURNING annotator, round, requested"
        before = {(annotator, number) for annotator, number, requested in self.db.execute(sql, (image,)) if requested}
        draw = second_opinion_draw(image)
        rows = [(image, *key, row.requested, row.n, draw) for key, row in standing.items()]
        columns = "image, annotator, round, requested, n, draw"
        self.db.executemany(f"INSERT INTO standing ({columns}) VALUES (?, ?, ?, ?, ?, ?)", rows)
        after = {key for key, row in standing.items() if row.requested}
        for people, sign in ((before, -1), (after, 1)):
            count_changes.update({(number, person_key(annotator)): sign for annotator, number in people})
            count_changes.update(dict.fromkeys({(number, EVERYBODY) for _, number in people}, sign))

    def answered_counts_in_round(self, round_number: int | None) -> dict[str, int]:
        """Return the number of answered images of a round: by EVERYBODY, and by each person's `person_key`.

        If `round_number` is None (no round is open), nothing is counted.
        """
        return dict(self.rows("SELECT by, images FROM answered WHERE round = ? AND images > 0", (round_number,)))

    def rows_of_image(self, image: str) -> list[JournalRow]:
        """Return all rows about an image, in the order of writing."""
        return self._read_rows("FROM answer WHERE image = ? ORDER BY n", image)

    def rows_of_action(self, action: str) -> list[JournalRow]:
        return self._read_rows("FROM answer WHERE action = ? ORDER BY n", action)

    def standing_rows_of_image(self, image: str) -> list[JournalRow]:
        """Return the valid answers about an image, the latest at the end."""
        return self.standing_rows_by_image([image])[image]

    def standing_rows_by_image(self, images: Sequence[str]) -> dict[str, list[JournalRow]]:
        """Return the valid answers about each of these images, the latest at the end."""
        clauses = (
            "FROM answer WHERE n IN (SELECT n FROM standing WHERE image IN (SELECT value FROM json_each(?))) ORDER BY n"
        )
        standing: dict[str, list[JournalRow]] = {image: [] for image in images}
        for row in self._iterate_rows(clauses, json.dumps(list(images))):
            standing[row.image].append(row)
        return standing

    def standing_rows_in_round(self, round_number: int) -> Iterator[JournalRow]:
        """Return the valid answers about the images that a round requested."""
        clauses = "FROM answer WHERE n IN (SELECT n FROM standing WHERE round = ? AND requested) ORDER BY n"
        return self._iterate_rows(clauses, round_number)

    def unrequested_standing_rows(self) -> Iterator[JournalRow]:
        """Return the valid answers about images that no round of this source had requested."""
        return self._iterate_rows("FROM answer WHERE n IN (SELECT n FROM standing WHERE NOT requested) ORDER BY n")

    def find_cleared_images(self, round_number: int | None) -> list[tuple[int, str]]:
        """Return (round, image) with answers of which none is valid. None: for images that were not requested."""
        sql = (
            "SELECT DISTINCT round, image FROM answer a WHERE (CASE WHEN ?1 IS NULL THEN NOT requested "
            "ELSE round = ?1 AND requested END) AND NOT EXISTS "
            "(SELECT 1 FROM standing s WHERE s.image = a.image AND s.round = a.round)"
        )
        return self.rows(sql, (round_number,))

    def last_row_number(self) -> int:
        """Return the number of the newest row. It changes with every answer."""
        return int(self.value("SELECT coalesce(max(n), 0) FROM answer"))

    def journal_id(self) -> str:
        """Return the id of this journal, which never changes."""
        return str(self.value("SELECT id FROM project"))

    def confirmed_classes(self) -> list[str]:
        """Return the names that people have confirmed as classes, in the order of the confirmations."""
        return [name for (name,) in self.rows("SELECT name FROM class ORDER BY at, name")]

    def remove_class_if_unused(self, name: str) -> int:
        """Remove a confirmed name and its keys if no image has it, in a transaction. Return its number of images."""
        sql = (
            "SELECT count(DISTINCT s.image) FROM standing s JOIN answer a USING (n), json_each(a.classes) "
            "WHERE value = ?"
        )
        answered = int(self.db.execute(sql, (name,)).fetchone()[0])
        if not answered:
            self.db.execute("DELETE FROM class WHERE name = ?", (name,))
            self.db.execute("DELETE FROM class_key WHERE class = ?", (name,))
        return answered

    def confirm_class(self, name: str, annotator: str) -> None:
        """Store that a person has confirmed this name as a class, inside a transaction."""
        values = name, annotator, datetime.now(UTC).isoformat()
        self.db.execute("INSERT OR IGNORE INTO class (name, annotator, at) VALUES (?, ?, ?)", values)

    def stored_leases(self) -> list[tuple[str, list[int]]]:
        """Return (session, numbers of images) for the last images of each session."""
        return [(session, json.loads(images)) for session, images in self.rows("SELECT * FROM lease")]

    def store_leases(self, session: str, images: Sequence[int]) -> None:
        """Store the images of a session, inside a transaction."""
        self.db.execute("INSERT OR REPLACE INTO lease (session, images) VALUES (?, ?)", (session, json.dumps(images)))

    def value(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """Return the first value of the first row, None if there is no row."""
        rows = self.rows(sql, values)
        return rows[0][0] if rows else None

    def _read_rows(self, clauses: str, *values: object) -> list[JournalRow]:
        return list(self._iterate_rows(clauses, *values))

    def _iterate_rows(self, clauses: str, *values: object) -> Iterator[JournalRow]:
        with explain_errors(self.file):
            yield from map(JournalRow._make, self.db.execute(f"SELECT {_COLUMNS} {clauses}", values))


def _device_and_inode(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
