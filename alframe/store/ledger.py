"""The ledger: one SQLite file that holds all a project knows. Nothing else knows SQL.

Rows are only ever added (triggers refuse anything else), each phase of a round in one transaction, written through
to the disk (WAL, synchronous=FULL): a kill or a power cut loses the phase under way and nothing before it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alframe.errors import StoreError
from alframe.store.migrations import STEPS, migrate
from alframe.store.records import dump_box, dump_round, load_box, load_round
from alframe.types import Item, Label, RoundRecord, Selection

FILE_NAME = "ledger.sqlite"


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """The label that counts for an item now, with where it came from."""

    item: int
    class_name: str
    round: int | None
    origin: str


@dataclass(frozen=True, slots=True)
class StoredRound:
    """One request for labels as it was made."""

    number: int
    keys: tuple[int, ...]
    requested: bool
    answered: bool


class Ledger:
    """Open with `Ledger.open`; close it, or use it as a context manager."""

    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        self._db = connection
        self.file = file

    @classmethod
    def open(cls, folder: Path, read_only: bool = False) -> Ledger:
        """The ledger of this project folder, made if need be. Raises StoreError."""
        file = folder / FILE_NAME
        if read_only and not file.exists():
            raise StoreError(f"There is no alframe project in {folder} (no {FILE_NAME}). Start one with `alframe`.")
        folder.mkdir(parents=True, exist_ok=True)
        try:
            db = sqlite3.connect(file, isolation_level=None, timeout=30)
            db.execute("PRAGMA foreign_keys = ON")
            if read_only:
                db.execute("PRAGMA query_only = ON")
                if db.execute("PRAGMA user_version").fetchone()[0] != len(STEPS):
                    raise StoreError(f"{file} is of another version. Run `alframe` on the project once to update it.")
            else:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                migrate(db, str(file))
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"{file} cannot be used: {error}. If a copy program or a network drive damaged it, restore the file "
                f"from a backup; alframe never overwrites it."
            ) from error
        return cls(db, file)

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # Items

    def items(self) -> list[Item]:
        """Every item ever seen; the position in the list is the item's key."""
        return [
            Item(
                id=row[0],
                path=Path(row[1]),
                split=row[2],
                label=row[3],
                camera=row[4],
                taken=None if row[5] is None else datetime.fromisoformat(row[5]),
                sequence=row[6],
                box=load_box(row[7]),
                meta=json.loads(row[8]),
            )
            for row in self._db.execute(
                "SELECT id, path, split, label, camera, taken, sequence, box, meta FROM item ORDER BY key"
            )
        ]

    def add_items(self, first_key: int, items: Iterable[Item]) -> None:
        """Append items; their keys count on from `first_key`."""
        self._db.executemany(
            "INSERT INTO item (key, id, path, split, label, camera, taken, sequence, box, meta) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    key,
                    item.id,
                    str(item.path),
                    item.split,
                    item.label,
                    item.camera,
                    None if item.taken is None else item.taken.isoformat(),
                    item.sequence,
                    dump_box(item.box),
                    json.dumps(dict(item.meta), ensure_ascii=False),
                )
                for key, item in enumerate(items, start=first_key)
            ),
        )

    def move_items(self, paths: Iterable[tuple[int, Path]]) -> None:
        """Note where known items lie now: a place is not history."""
        self._db.executemany("UPDATE item SET path = ? WHERE key = ?", ((str(path), key) for key, path in paths))

    # Labels

    def add_labels(self, labels: Iterable[tuple[int, Label]], round_number: int | None, origin: str) -> int:
        """Append the labels that say something new, and return how many did.

        A source gives at most one label for an item of a request, so a label repeats what is known when the last one
        for the same item, origin and round says the same. A source can be read again and again, wherever its files
        have moved to, and a correction (also back to an earlier answer) counts.
        """
        added = 0
        for key, label in labels:
            last = self._db.execute(
                "SELECT class FROM label WHERE item = ? AND origin = ? AND round IS ? ORDER BY n DESC LIMIT 1",
                (key, origin, round_number),
            ).fetchone()
            if last is not None and last[0] == label.class_name:
                continue
            self._db.execute(
                "INSERT INTO label (item, class, round, origin, annotator, labelled, file, row, at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    key,
                    label.class_name,
                    round_number,
                    origin,
                    label.annotator,
                    None if label.at is None else label.at.isoformat(),
                    label.file,
                    label.row,
                    _now(),
                ),
            )
            added += 1
        return added

    def labels(self) -> list[StoredLabel]:
        """The current label of every labelled item, by key."""
        rows = self._db.execute("SELECT item, class, round, origin FROM current_label ORDER BY item")
        return [StoredLabel(*row) for row in rows]

    # Rounds

    def add_round(
        self,
        number: int,
        config: Mapping[str, Any],
        versions: Mapping[str, str],
        owners: Mapping[str, str],
        chosen: Selection,
    ) -> None:
        """Append a round's selection, before anybody is asked."""
        self._db.execute(
            "INSERT INTO round (number, at, config, versions, owners) VALUES (?, ?, ?, ?, ?)",
            (number, _now(), json.dumps(config), json.dumps(versions), json.dumps(owners)),
        )
        scores = [None] * len(chosen.ids) if chosen.scores is None else chosen.scores.tolist()
        self._db.executemany(
            "INSERT INTO selection (round, rank, item, score) VALUES (?, ?, ?, ?)",
            (
                (number, rank, key, score)
                for rank, (key, score) in enumerate(zip(chosen.ids.tolist(), scores, strict=True))
            ),
        )

    def rounds(self) -> list[StoredRound]:
        """All requests, oldest first."""
        marks = {(r, kind) for r, kind in self._db.execute("SELECT round, kind FROM event")}
        keys: dict[int, list[int]] = {}
        for number, key in self._db.execute("SELECT round, item FROM selection ORDER BY round, rank"):
            keys.setdefault(number, []).append(key)
        return [
            StoredRound(n, tuple(keys.get(n, ())), (n, "requested") in marks, (n, "answered") in marks)
            for (n,) in self._db.execute("SELECT number FROM round ORDER BY number")
        ]

    def config(self) -> dict[str, Any] | None:
        """The configuration of the latest request."""
        row = self._db.execute("SELECT config FROM round ORDER BY number DESC LIMIT 1").fetchone()
        return None if row is None else json.loads(row[0])

    # Events: each kind at most once a round

    def mark(self, round_number: int, kind: str, detail: Mapping[str, Any] | None = None) -> None:
        """Append that a phase of a round is done; once only."""
        self._mark(round_number, kind, json.dumps(detail or {}, ensure_ascii=False))

    def _mark(self, round_number: int, kind: str, detail: str) -> None:
        self._db.execute(
            "INSERT INTO event (round, kind, detail, at) VALUES (?, ?, ?, ?)", (round_number, kind, detail, _now())
        )

    def events(self, kind: str) -> list[tuple[int, dict[str, Any]]]:
        """(round, detail) of every event of this kind, oldest first."""
        rows = self._db.execute("SELECT round, detail FROM event WHERE kind = ? ORDER BY n", (kind,))
        return [(number, json.loads(detail)) for number, detail in rows]

    def add_record(self, record: RoundRecord) -> None:
        """Append a round's evaluation."""
        self._mark(record.round, "evaluated", dump_round(record))

    def history(self) -> list[RoundRecord]:
        """The record of every evaluated round, oldest first."""
        rows = self._db.execute("SELECT detail FROM event WHERE kind = 'evaluated' ORDER BY n")
        return [load_round(detail) for (detail,) in rows]

    # Images that cannot be read

    def set_aside(self, reasons: Iterable[tuple[int, str | None]]) -> None:
        """Append that these items cannot be read and why; or, with None, that they can be read again."""
        self._db.executemany(
            "INSERT INTO aside (item, reason, at) VALUES (?, ?, ?)", ((key, why, _now()) for key, why in reasons)
        )

    def aside(self) -> dict[int, str]:
        """Item -> reason, for all that cannot be read now."""
        return dict(self._db.execute("SELECT item, reason FROM currently_aside ORDER BY item").fetchall())

    def table(self, name: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """The raw rows of a table, for comparing two ledgers."""
        return self._db.execute(f"SELECT {', '.join(columns)} FROM {name}").fetchall()


def _now() -> str:
    return datetime.now(UTC).isoformat()
