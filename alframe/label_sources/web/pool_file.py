"""The published pool: a new SQLite file each time, which is never changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from pathlib import Path
from uuid import uuid4

import numpy as np

from alframe.kit.files import replace_atomically
from alframe.label_sources.web.images import ImageDatabase
from alframe.types import CampaignSnapshot, ItemColumns

POOL_TABLE = """
pool (
    number    INTEGER PRIMARY KEY,       -- as in images.image
    key       INTEGER NOT NULL,          -- the item's key in the ledger: the row of its embedding
    open      INTEGER NOT NULL,          -- 1: the open round requests it
    blind     INTEGER NOT NULL,          -- 1: it was shown without the model's suggestion
    predicted TEXT,
    confidence REAL,
    doubt     REAL,                      -- 1 minus the probability of its label, by a model that has not seen it
    label     TEXT,
    annotator TEXT,
    source    TEXT,
    round     INTEGER,
    labelled_at TEXT
)
"""
_INDEXES = (
    "UNIQUE INDEX pool_key ON pool (key)",
    "INDEX pool_predicted ON pool (predicted, confidence) WHERE label IS NULL AND NOT open",
    "INDEX pool_confidence ON pool (confidence) WHERE label IS NULL AND NOT open",
    "INDEX pool_doubt ON pool (doubt) WHERE doubt IS NOT NULL",
    "INDEX pool_label ON pool (label) WHERE label IS NOT NULL",
)


def write_pool_file(folder: Path, images: ImageDatabase, snapshot: CampaignSnapshot) -> str:
    """Give every image of the pool a number, write its labels and predictions, and return the new file's name.

    The name is new each time, because Windows cannot replace a file that is being read.
    """
    items = ItemColumns.of(snapshot.items)
    keys = [key for key, split in enumerate(items.splits) if split == "pool"]
    in_pool = items.at(keys)
    numbers = images.number_and_store(in_pool)
    name = f"pool-{uuid4().hex[:12]}.sqlite"
    _write_rows(folder / name, _pool_rows(snapshot, keys, [numbers[id_] for id_ in in_pool.ids]))
    return name


def remove_pool_files(folder: Path, keep: Collection[str] = ()) -> None:
    """Remove all published pool files, except those with the names in `keep`."""
    for file in folder.glob("pool-*.sqlite"):
        if file.name not in keep:
            with suppress(OSError):  # Windows, while it is read: the next one to come removes it
                file.unlink()


def _pool_rows(snapshot: CampaignSnapshot, keys: list[int], numbers: list[int]) -> Iterator[tuple[object, ...]]:
    is_open, is_blind = np.zeros((2, len(snapshot.items)), np.int64)
    is_open[list(snapshot.asked)] = is_blind[list(snapshot.without_suggestion)] = 1
    predicted, confidence, doubt = np.full((3, len(snapshot.items)), None)
    if (model := snapshot.predictions) is not None:
        predicted[model.keys] = np.array(model.classes, object)[model.class_numbers]
        for column, values in ((confidence, model.confidence), (doubt, model.label_doubt)):
            known = ~np.isnan(values)
            column[model.keys[known]] = values[known]
    labels = {label.key: label[1:] for label in snapshot.labels}
    columns = (column[keys].tolist() for column in (is_open, is_blind, predicted, confidence, doubt))
    for number, key, *facts in zip(numbers, keys, *columns, strict=True):
        yield (number, key, *facts, *labels.get(key, (None,) * 5))


def _write_rows(file: Path, rows: Iterator[tuple[object, ...]]) -> None:
    with replace_atomically(file) as temporary, closing(sqlite3.connect(temporary, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = OFF")  # if it is not finished, it is thrown away
        db.execute("PRAGMA synchronous = OFF")
        db.execute("BEGIN")
        db.execute(f"CREATE TABLE {POOL_TABLE}")
        db.executemany(f"INSERT INTO pool VALUES ({', '.join('?' * 12)})", rows)
        for index in _INDEXES:
            db.execute(f"CREATE {index}")
        db.execute("COMMIT")
