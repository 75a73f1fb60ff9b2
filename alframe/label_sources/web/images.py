"""The images of the pages: their numbers, batches and thumbnails, in a SQLite file that can be made again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, Self

from alframe.kit.databases import Database, closed_on_error, connect, dump_box, explain_errors
from alframe.types import Item, ItemColumns, Request, Suggestion

IMAGES_NAME = "images.sqlite"
_SCHEMA = """
CREATE TABLE image (                     -- everything that was ever shown, or could be
    number    INTEGER PRIMARY KEY,       -- by which the pages call it: see _stable_number
    id        TEXT NOT NULL UNIQUE,      -- the item's id
    path      TEXT NOT NULL,
    camera    TEXT,
    taken     TEXT,
    sequence  TEXT,
    box       TEXT                       -- JSON [x, y, w, h]: what the question is about
);
CREATE INDEX image_sequence ON image (sequence, taken);
CREATE TABLE batch (                     -- what the rounds request, in the order of the grid
    round     INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    image     INTEGER NOT NULL REFERENCES image (number),
    suggestion TEXT,
    confidence REAL,
    blind     INTEGER NOT NULL,          -- 1: shown without a suggestion, so that the audit is not led
    PRIMARY KEY (round, position)
) WITHOUT ROWID;
CREATE UNIQUE INDEX batch_image ON batch (image, round);
CREATE TABLE thumbnail (
    image     INTEGER PRIMARY KEY REFERENCES image (number),
    version   TEXT NOT NULL,             -- changes with the file
    width     INTEGER NOT NULL,
    height    INTEGER NOT NULL,
    jpeg      BLOB NOT NULL
);
PRAGMA user_version = 1;
"""
_MIN_BLIND_RUN = 12  # images without a suggestion that stand together, at least, where there are as many


class BatchRow(NamedTuple):
    """An image of a batch: its place in the grid, and the suggestion of the model if it may be shown."""

    position: int
    item: Item
    suggestion: str | None
    confidence: float | None
    blind: bool


class ImageDatabase(Database):
    """The file, a context manager that closes it. Open it with `ImageDatabase.open`."""

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the file in this folder, and make it if it does not exist. Raises StoreError."""
        file = folder / IMAGES_NAME
        folder.mkdir(parents=True, exist_ok=True)
        with explain_errors(file), closed_on_error(connect(file, any_thread=True)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")  # all of it can be made again
            if db.execute("PRAGMA user_version").fetchone()[0] == 0:
                db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        return cls(db, file)

    def number_and_store(self, items: Iterable[Item]) -> dict[str, int]:
        """Give each item a number if it has none, and store its present path. Return the numbers by id."""
        columns, numbers = ItemColumns.of(items), self.numbers_by_id()
        taken = set(numbers.values())
        for id_ in columns.ids:
            if id_ not in numbers:
                numbers[id_] = _stable_number(id_, taken)
                taken.add(numbers[id_])
        rows = zip(
            *(map(numbers.__getitem__, columns.ids), columns.ids, columns.paths, columns.cameras),
            *((time and time.isoformat() for time in columns.taken), columns.sequences, map(dump_box, columns.boxes)),
            strict=True,
        )
        sql = (
            "INSERT INTO image (number, id, path, camera, taken, sequence, box) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET path = excluded.path, camera = excluded.camera, taken = excluded.taken, "
            "sequence = excluded.sequence, box = excluded.box WHERE (path, camera, taken, sequence, box) IS NOT "
            "(excluded.path, excluded.camera, excluded.taken, excluded.sequence, excluded.box)"
        )
        with self.transaction(), explain_errors(self.file):
            self._db.executemany(sql, rows)
        return numbers

    def numbers_by_id(self) -> dict[str, int]:
        with explain_errors(self.file):  # row by row: they may be a million
            return dict(self._db.execute("SELECT id, number FROM image"))

    def batch_ids(self, round_number: int) -> set[str]:
        sql = "SELECT id FROM batch JOIN image ON number = image WHERE round = ?"
        return {id_ for (id_,) in self.rows(sql, (round_number,))}

    def store_batch(self, round_number: int, rows: Sequence[BatchRow]) -> None:
        """Store the batch of a round. Its items must have numbers."""
        sql = (
            "INSERT INTO batch (round, position, image, suggestion, confidence, blind) "
            "VALUES (?, ?, (SELECT number FROM image WHERE id = ?), ?, ?, ?)"
        )
        values = (
            (round_number, row.position, row.item.id, row.suggestion, row.confidence, int(row.blind)) for row in rows
        )
        with self.transaction(), explain_errors(self.file):
            self._db.execute("DELETE FROM batch WHERE round = ?", (round_number,))
            self._db.executemany(sql, values)

    def images_with_thumbnail_versions(self, round_number: int) -> list[tuple[int, str, str | None, str | None]]:
        """Return (number, path, box, version of the thumbnail or None) of the images of a round, in its order."""
        sql = (
            "SELECT number, path, box, version FROM batch b JOIN image ON number = b.image "
            "LEFT JOIN thumbnail t ON t.image = number WHERE round = ? ORDER BY position"
        )
        return self.rows(sql, (round_number,))

    def add_thumbnails(self, rows: Iterable[tuple[int, str, int, int, bytes]]) -> None:
        """Store thumbnails: rows of number, version, width, height and JPEG."""
        sql = "INSERT OR REPLACE INTO thumbnail (image, version, width, height, jpeg) VALUES (?, ?, ?, ?, ?)"
        with self.transaction(), explain_errors(self.file):
            self._db.executemany(sql, rows)


def _stable_number(id_: str, taken: Set[int]) -> int:
    """Return a number that is not `taken`. It is always the same for an id, except in one of billions of cases.

    An open page, or a stored answer, names the image by this number. If this file is made again, the numbers must
    belong to the same images.
    """
    number = int.from_bytes(blake2b(id_.encode(), digest_size=8).digest()) >> 12  # 52 bits: exact in JavaScript
    while number in taken:
        number += 1
    return number


def arrange_batch(request: Request) -> list[BatchRow]:
    """Return the images of a request in the order of the grid.

    The largest suggested class is first. Within a class, images that look alike are together, and images of a sequence
    are side by side. Groups of images without a suggestion are spread over the whole batch, so that the beginning of a
    batch has its share of the audit, which is among them. Their places do not depend on the model.
    """
    count = len(request.items)
    suggestions: Sequence[Suggestion | None] = request.suggestions or [None] * count
    blind = request.without_suggestion or (True,) * count
    sort_keys = _sequence_sort_keys(request)
    shown = [None if is_blind else suggestion for suggestion, is_blind in zip(suggestions, blind, strict=True)]
    sizes = Counter(suggestion.class_name for suggestion in shown if suggestion is not None)
    order = sorted(range(count), key=sort_keys.__getitem__)
    groups: dict[str, list[int]] = {name: [] for name, _ in sorted(sizes.items(), key=lambda pair: (-pair[1], pair[0]))}
    unsuggested: list[int] = []
    for index in order:
        suggestion = shown[index]
        (unsuggested if suggestion is None else groups[suggestion.class_name]).append(index)
    arranged = _merge_evenly(list(groups.values()), unsuggested)
    rows = []
    for position, index in enumerate(arranged):
        suggestion = shown[index]
        name, confidence = (None, None) if suggestion is None else (suggestion.class_name, suggestion.confidence)
        rows.append(BatchRow(position, request.items[index], name, confidence, blind[index]))
    return rows


def _sequence_sort_keys(request: Request) -> list[tuple[int, str, int]]:
    """Return a sort key for each item: the first place of its sequence, then its time, then its own place."""
    positions = request.similarity_order or tuple(range(len(request.items)))
    first: dict[str, int] = {}
    for item, position in zip(request.items, positions, strict=True):
        if item.sequence is not None:
            first[item.sequence] = min(position, first.get(item.sequence, position))
    return [
        (
            position if item.sequence is None else first[item.sequence],
            "" if item.sequence is None or item.taken is None else item.taken.isoformat(),
            position,
        )
        for item, position in zip(request.items, positions, strict=True)
    ]


def _merge_evenly(groups: Sequence[Sequence[int]], unsuggested: Sequence[int]) -> list[int]:
    """Return all groups one after another, with runs of `unsuggested` images at even distances.

    A group is cut if a run belongs inside it, so that the distances do not depend on the sizes of the groups.
    """
    suggested = [index for group in groups for index in group]
    runs = max(1, len(unsuggested) // _MIN_BLIND_RUN)
    spread: list[int] = []
    for number in range(runs):
        spread += unsuggested[len(unsuggested) * number // runs : len(unsuggested) * (number + 1) // runs]
        spread += suggested[len(suggested) * number // runs : len(suggested) * (number + 1) // runs]
    return spread
