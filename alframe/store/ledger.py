"""The ledger: one SQLite file with everything that a project knows. Only this module and `item_table` contain its SQL.

Rows are only added (triggers refuse changes). Each phase of a round is one transaction, which is on the disk at its end
(WAL, synchronous=FULL). So a kill or a power cut loses only the present phase.
"""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from alframe.errors import StoreError
from alframe.store.database import closed_on_error, connect, connect_to_read, spoilt_content_as_store_error, timestamp
from alframe.store.events import Event, FineTuned, RequestClosed, Requested
from alframe.store.item_table import ItemTable
from alframe.store.migrations import migrate, migrated_copy, require_ledger
from alframe.store.new_statements import find_last_statements, find_new_statements
from alframe.store.records import StoredLabel, StoredRound, dump_record, load_record, without_leaked_evaluation
from alframe.types import UNSURE, Ints, Label, RoundRecord, Selection

LEDGER_NAME = "ledger.sqlite"
# As in StoredLabel.
_LABEL_COLUMNS = "n, {statement}, taken_back, item, round, origin, class, annotator, labelled, file, row, digest"
EventT = TypeVar("EventT", bound=Event)


class Ledger(ItemTable):
    """Open with `Ledger.open`; close it, or use it as a context manager."""

    @classmethod
    def open(cls, folder: Path, read_only: bool = False) -> Ledger:
        """Open the ledger of this project folder, and make the folder if it does not exist. Raises StoreError.

        A ledger of an older version is converted; with `read_only`, a copy in memory is converted.
        """
        file = folder / LEDGER_NAME
        if read_only and not file.exists():
            raise StoreError(f"There is no alframe project in {folder} (no {LEDGER_NAME}). Start one with `alframe`.")
        if file.is_dir():
            raise StoreError(f"{file} is a folder. Move it away.")
        folder.mkdir(parents=True, exist_ok=True)
        open_file = connect_to_read if read_only else connect
        with spoilt_content_as_store_error(file), closed_on_error(open_file(file)) as db:
            require_ledger(db, file)
            if read_only:
                return cls(migrated_copy(db, str(file)), file)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            migrate(db, str(file))
            return cls(db, file)

    # Labels

    def add_labels(
        self,
        labels: Iterable[tuple[int, Label]],
        round_number: int | None,
        origin: str,
        cleared: Iterable[int] = (),
        labelled_on: Mapping[int, int] | None = None,
    ) -> int:
        """Append the new statements of a source, and return the number of rows added.

        `labelled_on`: if the label of an item was given on another item of its sequence, the key of that other item.

        All labels of an item together are one statement. It is new unless it repeats the last statement of the same
        round and origin. Statements about `cleared` items are removed (but see `find_new_statements` on missing files).
        """
        rows = self._select_labels("WHERE round IS ? AND origin = ? ORDER BY n", round_number, origin)
        new = find_new_statements(labels, cleared, find_last_statements(rows), round_number, origin)
        if new:
            first, now = self.last_label_number() + 1, timestamp()
            given_on = labelled_on or {}
            stored = ((first + row.n, first + row.statement, *row[2:-1], given_on.get(row.item), now) for row in new)
            self._insert(f"label ({_LABEL_COLUMNS.format(statement='word')}, labelled_on, at)", stored)
        return len(new)

    def stored_labels(self) -> Iterable[StoredLabel]:
        """Return every row of the label table, by item, in the order of writing. Some labels were replaced later."""
        return self._select_labels("ORDER BY item, n")

    def labelled_or_requested_keys(self) -> set[int]:
        return {key for (key,) in self._read("SELECT item FROM label UNION SELECT item FROM selection")}

    def class_names_from_rounds(self) -> list[str]:
        """Return every class in the answers to requests, in the order of their first answers."""
        rows = self._read(
            "SELECT class FROM label WHERE round IS NOT NULL AND class <> ? GROUP BY class ORDER BY min(n)", UNSURE
        )
        return [name for (name,) in rows]

    def last_label_number(self) -> int:
        """Return the number of the newest row of the label table. It changes whenever a label changes."""
        return int(self._read("SELECT coalesce(max(n), 0) FROM label")[0][0])

    def _select_labels(self, clause: str, *values: object) -> Iterable[StoredLabel]:
        columns = _LABEL_COLUMNS.format(statement="coalesce(word, n)")
        return map(
            StoredLabel._make, self._read(f"SELECT {columns}, coalesce(labelled_on, item) FROM label {clause}", *values)
        )

    # Rounds

    def add_round(
        self,
        number: int,
        config: Mapping[str, Any],
        versions: Mapping[str, str],
        owners: Mapping[str, str],
        chosen: Selection,
        audit_keys: Collection[int] = (),
    ) -> None:
        """Append a round's selection, before people see it. `audit_keys` are its keys that were drawn at random."""
        row = number, timestamp(), json.dumps(config), json.dumps(versions), json.dumps(owners)
        self._insert("round (number, at, config, versions, owners)", [row])
        scores = [None] * len(chosen.keys) if chosen.scores is None else chosen.scores.tolist()
        ranked = enumerate(zip(chosen.keys.tolist(), scores, strict=True))
        rows = ((number, rank, key, score, key in audit_keys) for rank, (key, score) in ranked)
        self._insert("selection (round, rank, item, score, audit)", rows)

    def add_audit_strata(self, round_number: int, strata: Ints) -> None:
        """Append the images from which this round drew at random: their `strata` (n,) by key, as in AuditDraw."""
        packed = zlib.compress(strata.astype("<u2").tobytes())
        self._insert("audit_frame (round, strata)", [(round_number, packed)])

    def audit_strata(self) -> dict[int, Ints]:
        """Return the `strata` (n,) of every round that drew at random; earlier versions did not record them."""
        rows = self._read("SELECT round, strata FROM audit_frame ORDER BY round")
        with spoilt_content_as_store_error(self.file):
            return {number: np.frombuffer(zlib.decompress(packed), "<u2").astype(np.int64) for number, packed in rows}

    def stored_rounds(self) -> list[StoredRound]:
        """Return all requests, oldest first."""
        events = {(number, kind) for number, kind in self._read("SELECT round, kind FROM event")}
        keys: defaultdict[int, list[int]] = defaultdict(list)
        scores: defaultdict[int, list[float | None]] = defaultdict(list)
        audit_keys: defaultdict[int, set[int]] = defaultdict(set)
        selections = "SELECT round, item, score, audit FROM selection ORDER BY round, rank"
        for number, key, score, is_audit in self._read(selections):
            keys[number].append(key)
            scores[number].append(score)
            if is_audit:
                audit_keys[number].add(key)
        with spoilt_content_as_store_error(self.file):
            return [
                StoredRound(
                    number=number,
                    keys=tuple(keys[number]),
                    requested=(number, Requested.KIND) in events,
                    closed=(number, RequestClosed.KIND) in events,
                    audit_keys=frozenset(audit_keys[number]),
                    label_source=json.loads(label_source or "{}"),
                    sampler=sampler or "",
                    start_sampler=start_sampler or "",
                    scores=tuple(scores[number]),
                )
                for number, label_source, sampler, start_sampler in self._read(
                    "SELECT number, json_extract(config, '$.recipes.label_source'), "
                    "json_extract(config, '$.recipes.sampler.name'), "
                    "json_extract(config, '$.settings.start_sampler') FROM round ORDER BY number"
                )
            ]

    def package_versions(self) -> dict[str, str]:
        """Return the versions of the packages at the time of the latest request."""
        rows = self._read("SELECT versions FROM round ORDER BY number DESC LIMIT 1")
        with spoilt_content_as_store_error(self.file):
            return json.loads(rows[0][0]) if rows else {}

    def latest_config(self) -> dict[str, Any] | None:
        """Return the configuration of the latest request, if there is one."""
        return self._latest_of_rounds("config")

    def part_owners(self) -> dict[str, str]:
        """Return the distribution and version of each part of the latest request, as "kind:name" -> "name version"."""
        return self._latest_of_rounds("owners") or {}

    def _latest_of_rounds(self, column: str) -> dict[str, Any] | None:
        rows = self._read(f"SELECT {column} FROM round ORDER BY number DESC LIMIT 1")
        with spoilt_content_as_store_error(self.file):
            return json.loads(rows[0][0]) if rows else None

    # Events: what has happened to a round, and to an image

    def add_event(self, round_number: int, event: Event) -> None:
        """Append an event of a round. Raises StoreError for a second event of a kind that may occur only once."""
        row = round_number, event.KIND, event.to_json(), timestamp()
        self._insert("event (round, kind, detail, at)", [row])

    def events_of(self, event_type: type[EventT], round_number: int | None = None) -> list[tuple[int, EventT]]:
        """Return (round, event) of every event of this kind, the oldest first. If a round is given, only its events."""
        sql = "SELECT round, detail FROM event WHERE kind = ?1 AND (?2 IS NULL OR round = ?2) ORDER BY n"
        rows = self._read(sql, event_type.KIND, round_number)
        with spoilt_content_as_store_error(self.file):
            return [(number, event_type.from_json(detail)) for number, detail in rows]

    def add_record(self, record: RoundRecord) -> None:
        row = record.round, "evaluated", dump_record(record), timestamp()
        self._insert("event (round, kind, detail, at)", [row])

    def history(self) -> list[RoundRecord]:
        """Return the latest record of every evaluated round, oldest round first."""
        return list({record.round: record for record in self.all_records()}.values())

    def all_records(self) -> list[RoundRecord]:
        """Return the records of every evaluated round, one for each number of labels, oldest first.

        A round has several records if it was evaluated again when the next batch was partly answered. A record is left
        out if the same round was evaluated later with the same number of labels or fewer, because labels were corrected
        or removed. An evaluation on labels that an earlier version used for fine-tuning is wrong, and is left out too.
        """
        rows = self._read("SELECT detail FROM event WHERE kind = 'evaluated' ORDER BY round, n")
        records: list[RoundRecord] = []
        with spoilt_content_as_store_error(self.file):
            for record in (load_record(detail) for (detail,) in rows):
                while records and records[-1].round == record.round and records[-1].labels >= record.labels:
                    records.pop()
                records.append(record)
        trained = "SELECT min(round) FROM event WHERE kind = ? AND json_extract(detail, '$.seen') IS NULL"
        (first,) = self._read(trained, FineTuned.KIND)[0]
        return [
            record if first is None or record.round < first else without_leaked_evaluation(record) for record in records
        ]

    def mark_unreadable(self, reasons: Iterable[tuple[int, str | None]]) -> None:
        """Append the reasons why these items cannot be read. None means that the item can be read again."""
        self._insert("aside (item, reason, at)", ((key, why, timestamp()) for key, why in reasons))

    def unreadable_reasons(self) -> dict[int, str]:
        """Return item -> reason, for all items that cannot be read now."""
        return dict(self._read("SELECT item, reason FROM currently_aside ORDER BY item"))

    def raw_rows(self, name: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return the raw rows of a table, for comparing two ledgers."""
        return self._read(f"SELECT {', '.join(columns)} FROM {name}")
