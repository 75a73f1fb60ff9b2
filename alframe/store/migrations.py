"""The schema of the ledger, as steps that are applied in order. `PRAGMA user_version` is the number of finished steps.

Never change a released step; add a new step.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alframe.errors import StoreError

# A round is asked and answered once; what was learned from it may be learned again, from corrected labels.
_ONCE_PER_ROUND = "kind IN ('shown', 'predicted', 'requested', 'answered')"

# Which row is already there, for each table: INSERT OR REPLACE would put another in its place.
_SAME_ROW = {
    "item": "key = NEW.key OR id = NEW.id",
    "round": "number = NEW.number",
    "selection": "round = NEW.round AND (rank = NEW.rank OR item = NEW.item)",
    "label": "n = NEW.n",
    "event": f"n = NEW.n OR ({_ONCE_PER_ROUND} AND round = NEW.round AND kind = NEW.kind)",
    "aside": "n = NEW.n",
}


def _forbid_changes(table: str, same_row: str, forbidden_update: str = "1") -> str:
    """Return the triggers by which rows can only be added to a table, and only if no row fulfils `same_row`."""
    return "".join(
        f"""
CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} WHEN {condition}
BEGIN SELECT raise(ABORT, 'the ledger is append-only: {table}'); END;
"""
        for verb, condition in (
            ("INSERT", f"EXISTS (SELECT 1 FROM {table} WHERE {same_row})"),
            ("UPDATE", forbidden_update),
            ("DELETE", "1"),
        )
    )


_INITIAL_SCHEMA = (
    """
CREATE TABLE item (
    key       INTEGER PRIMARY KEY,            -- 0, 1, 2 ... in the order of first sight; never reused
    id        TEXT NOT NULL UNIQUE,           -- path relative to the pool's root, POSIX
    path      TEXT NOT NULL,                  -- where the file was last seen
    split     TEXT NOT NULL CHECK (split IN ('pool', 'test')),
    label     TEXT,                           -- what the pool itself says; hidden in a simulation
    camera    TEXT,
    taken     TEXT,
    sequence  TEXT,
    box       TEXT,                           -- JSON [x, y, w, h]
    meta      TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE round (                          -- one request for labels
    number    INTEGER PRIMARY KEY CHECK (number > 0),
    at        TEXT NOT NULL,
    config    TEXT NOT NULL,                  -- JSON, resolved
    versions  TEXT NOT NULL,                  -- JSON, package -> version
    owners    TEXT NOT NULL                   -- JSON, part -> distribution that owns it
);
CREATE TABLE selection (
    round     INTEGER NOT NULL REFERENCES round (number),
    rank      INTEGER NOT NULL,
    item      INTEGER NOT NULL REFERENCES item (key),
    score     REAL,
    PRIMARY KEY (round, rank),
    UNIQUE (round, item)
);
CREATE TABLE label (
    n         INTEGER PRIMARY KEY AUTOINCREMENT,
    item      INTEGER NOT NULL REFERENCES item (key),
    class     TEXT NOT NULL CHECK (class <> ''),
    round     INTEGER REFERENCES round (number),   -- NULL: known before the first request
    origin    TEXT NOT NULL,
    annotator TEXT NOT NULL DEFAULT '',
    labelled  TEXT,
    file      TEXT NOT NULL DEFAULT '',
    row       INTEGER,
    at        TEXT NOT NULL
);
CREATE INDEX label_item ON label (item, n);
CREATE INDEX label_source ON label (round, origin, n);
CREATE TABLE event (
    n         INTEGER PRIMARY KEY AUTOINCREMENT,
    round     INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    detail    TEXT NOT NULL DEFAULT '{}',     -- JSON
    at        TEXT NOT NULL
);
CREATE UNIQUE INDEX event_phase ON event (round, kind) WHERE {ONCE};
CREATE TABLE aside (                          -- an image that cannot be read, or (reason NULL) can be read again
    n         INTEGER PRIMARY KEY AUTOINCREMENT,
    item      INTEGER NOT NULL REFERENCES item (key),
    reason    TEXT,
    at        TEXT NOT NULL
);
CREATE VIEW current_label AS
    SELECT * FROM label WHERE n IN (SELECT max(n) FROM label GROUP BY item);
CREATE VIEW currently_aside AS
    SELECT * FROM aside WHERE reason IS NOT NULL AND n IN (SELECT max(n) FROM aside GROUP BY item);
""".replace("{ONCE}", _ONCE_PER_ROUND)
    # A file may move; which image it is and what it is held out for stays.
    + _forbid_changes("item", _SAME_ROW["item"], "(NEW.key, NEW.id, NEW.split) IS NOT (OLD.key, OLD.id, OLD.split)")
    + "".join(_forbid_changes(table, same_row) for table, same_row in list(_SAME_ROW.items())[1:])
)

# What one source says about one item at one time is a word: one label, or several (two annotators, two animals). Its
# last word about a round stands, unless it was taken back. Nothing here reads the view any more: `loop/labels.py` says
# which labels stand. It is left for whoever looks into a ledger with other programs.
_STATEMENTS = """
ALTER TABLE label ADD COLUMN word INTEGER;                            -- the word's first n; NULL: a word of its own
ALTER TABLE label ADD COLUMN digest TEXT NOT NULL DEFAULT '';         -- of the file, as it was read
ALTER TABLE label ADD COLUMN taken_back INTEGER NOT NULL DEFAULT 0;   -- 1: this is no longer said
ALTER TABLE selection ADD COLUMN audit INTEGER NOT NULL DEFAULT 0;    -- 1: drawn at random, to measure with
DROP VIEW current_label;
CREATE VIEW current_label AS
    WITH last AS (
        -- The bare column is that of the row with the maximum: https://www.sqlite.org/lang_select.html#bareagg
        SELECT item, round, max(coalesce(word, n)) AS word, taken_back FROM label GROUP BY item, round, origin
    ),
    asked AS (SELECT item, word FROM last WHERE NOT taken_back AND round IS NOT NULL)
    SELECT * FROM label
    WHERE coalesce(word, n) IN (
        SELECT word FROM asked
        -- What was answered to a request goes before what was known, whenever that was listed again.
        UNION ALL SELECT word FROM last WHERE NOT taken_back AND round IS NULL AND item NOT IN (SELECT item FROM asked)
    );
"""

# Whoever answers for a whole burst has looked at one of its images.
_LABELLED_ON = """
ALTER TABLE label ADD COLUMN labelled_on INTEGER REFERENCES item (key);   -- NULL: on the item itself
"""


# Which images a round could have drawn at random, so that those it drew have their exact weights.
_AUDIT_FRAME = """
CREATE TABLE audit_frame (
    round     INTEGER PRIMARY KEY REFERENCES round (number),
    strata    BLOB NOT NULL               -- zlib; by item key, 16 bits each: the stratum from 1 up, 0 for not drawable
);
""" + _forbid_changes("audit_frame", "round = NEW.round")

# A file that was moved or renamed is the same image under another id; the ids that it had before stay known.
_FORMER_IDS = """
CREATE TABLE former_id (
    n         INTEGER PRIMARY KEY AUTOINCREMENT,
    item      INTEGER NOT NULL REFERENCES item (key),
    id        TEXT NOT NULL,
    round     INTEGER NOT NULL,           -- the newest round at that time: up to this one, the item had this id
    at        TEXT NOT NULL
);
CREATE INDEX former_id_id ON former_id (id);
CREATE INDEX former_id_item ON former_id (item, n);
DROP TRIGGER item_no_update;
CREATE TRIGGER item_no_update BEFORE UPDATE ON item
WHEN (NEW.key, NEW.split) IS NOT (OLD.key, OLD.split) OR (
    NEW.id IS NOT OLD.id
    AND OLD.id IS NOT (SELECT id FROM former_id WHERE item = OLD.key ORDER BY n DESC LIMIT 1)
    AND OLD.id IS NOT char(10) || OLD.key -- between the two, where items exchange their ids
)
BEGIN SELECT raise(ABORT, 'the ledger is append-only: item'); END;
""" + _forbid_changes("former_id", "n = NEW.n")

STEPS: tuple[str, ...] = (_INITIAL_SCHEMA, _STATEMENTS, _LABELLED_ON, _AUDIT_FRAME, _FORMER_IDS)


def require_ledger(db: sqlite3.Connection, file: Path) -> None:
    """Raise StoreError for a database of another program, and for a ledger that has lost its content."""
    if db.execute("PRAGMA user_version").fetchone()[0]:
        return
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables:
        raise StoreError(f"{file} is not a ledger: it has the tables {', '.join(sorted(tables))[:200]}. Move it away.")
    if begun := [name for name in ("to_label", "rounds.jsonl", "done.json") if (file.parent / name).exists()]:
        raise StoreError(
            f"{file} is empty, though the project has begun ({begun[0]}). Restore it from a backup. To start the "
            "project anew, choose another folder with project=FOLDER."
        )


def migrate(connection: sqlite3.Connection, name: str) -> None:
    """Apply the missing steps, each in one transaction. Raises StoreError if a newer alframe wrote the ledger."""
    done = connection.execute("PRAGMA user_version").fetchone()[0]
    if done > len(STEPS):
        raise StoreError(
            f"{name} was written by a newer alframe (format {done}; this one knows up to {len(STEPS)}). "
            f"Update alframe: pip install --upgrade alframe."
        )
    for number, step in enumerate(STEPS[done:], start=done + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {step} PRAGMA user_version = {number}; COMMIT;")


def migrated_copy(connection: sqlite3.Connection, name: str) -> sqlite3.Connection:
    """Return the connection if its schema is up to date. Otherwise close it, and return a converted copy in memory.

    Raises StoreError if a newer alframe wrote the ledger.
    """
    if connection.execute("PRAGMA user_version").fetchone()[0] == len(STEPS):
        return connection
    copy = sqlite3.connect(":memory:", isolation_level=None)
    try:
        connection.backup(copy)
        connection.close()
        migrate(copy, name)
        copy.execute("PRAGMA query_only = ON")
    except BaseException:
        copy.close()
        raise
    return copy
