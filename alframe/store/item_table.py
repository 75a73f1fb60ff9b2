"""The items in the ledger, and the ids that they had before their files were moved."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

from alframe.store.database import Database, damaged_error, explain_errors, spoilt_content_as_store_error, timestamp
from alframe.store.records import ITEM_COLUMNS, FormerId, dump_item, load_items
from alframe.types import Item, ItemColumns


class ItemTable(Database):
    """The items in the ledger. Open it with `Ledger.open`."""

    def _read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with spoilt_content_as_store_error(self.file):
            return self._db.execute(sql, values).fetchall()

    def _write(self, sql: str, rows: Iterable[tuple[object, ...]]) -> None:
        with explain_errors(self.file):
            self._db.executemany(sql, rows)

    def _insert(self, table: str, rows: Iterable[tuple[object, ...]]) -> None:
        """Append rows to a table that is given with its columns, as "table (column, column)"."""
        self._write(f"INSERT INTO {table} VALUES ({', '.join('?' * (table.count(',') + 1))})", rows)

    # Items

    def items(self) -> ItemColumns:
        """Return every item ever listed; the position is the item's key."""
        rows = self._read(f"SELECT {', '.join(ITEM_COLUMNS)} FROM item ORDER BY key")
        self._require_items(len(rows))
        return load_items(rows, self.file)

    def items_on_demand(self) -> Sequence[Item]:
        """Return every item ever listed, as `items` does. Each item is read only when it is used."""
        self._require_items(count := self.count_items())
        return _ItemsOnDemand(self, count)

    def _require_items(self, count: int) -> None:
        """Raise StoreError unless the number of items is `count`."""
        used = " UNION ALL ".join(
            f"SELECT min(item), max(item) FROM {table}" for table in ("label", "selection", "aside")
        )
        ends = self._read(f"SELECT min(key), max(key) FROM item UNION ALL {used}")
        keys = [key for pair in ends for key in pair if key is not None]
        # A damaged column may hold text, which SQLite sorts behind the numbers.
        if not all(isinstance(key, int) and 0 <= key < count for key in keys):
            raise damaged_error(self.file, LookupError("items are missing"))

    def count_items(self) -> int:
        """Return the number of items that were ever listed."""
        return int(self._read("SELECT count(*) FROM item")[0][0])

    def held_out_keys(self) -> list[int]:
        return [key for (key,) in self._read("SELECT key FROM item WHERE split = 'test' ORDER BY key")]

    def keys_of(self, ids: Iterable[str]) -> dict[str, int]:
        """Return the keys of the known ones among these ids."""
        wanted = json.dumps(list(ids))
        return dict(self._read("SELECT id, key FROM item WHERE id IN (SELECT value FROM json_each(?))", wanted))

    def add_items(self, first_key: int, items: Iterable[Item]) -> None:
        """Append items. Their keys are `first_key` and the numbers after it."""
        rows = ((key, *dump_item(item)) for key, item in enumerate(items, start=first_key))
        self._insert(f"item (key, {', '.join(ITEM_COLUMNS)})", rows)

    def update_paths(self, paths: Iterable[tuple[int, str]]) -> None:
        """Store the present paths of known items. Earlier paths are not kept."""
        self._write("UPDATE item SET path = ? WHERE key = ?", ((path, key) for key, path in paths))

    def rename_items(self, ids: Mapping[int, str]) -> None:
        """Store the new ids (key -> id) of items whose files were moved. Their earlier ids are kept too.

        Items may exchange their ids.
        """
        self._write(
            "INSERT INTO former_id (item, id, round, at) "
            "SELECT key, id, (SELECT coalesce(max(number), 0) FROM round), ? FROM item WHERE key = ?",
            ((timestamp(), key) for key in ids),
        )
        # An id may still be that of another one of these items, so all are freed first.
        self._write("UPDATE item SET id = char(10) || key WHERE key = ?", ((key,) for key in ids))
        self._write("UPDATE item SET id = ? WHERE key = ?", ((id_, key) for key, id_ in ids.items()))

    def keys_with_former_or_reused_id(self) -> list[int]:
        """Return the keys of the items that had another id before, or whose id belonged to another item before."""
        sql = "SELECT item FROM former_id UNION SELECT key FROM item WHERE id IN (SELECT id FROM former_id)"
        return [key for (key,) in self._read(sql)]

    def former_ids(self, keys: Iterable[int]) -> list[FormerId]:
        """Return the ids that these items had before their files were moved, in the order in which these changed."""
        wanted = json.dumps(list(keys))
        sql = "SELECT item, id, round FROM former_id WHERE item IN (SELECT value FROM json_each(?)) ORDER BY n"
        return [FormerId(*row) for row in self._read(sql, wanted)]

    def keys_of_former_ids(self, ids: Iterable[str]) -> list[int]:
        """Return the keys of the items that had one of the ids before their files were moved."""
        sql = "SELECT DISTINCT item FROM former_id WHERE id IN (SELECT value FROM json_each(?))"
        return [key for (key,) in self._read(sql, json.dumps(list(ids)))]

    def ids_of(self, keys: Iterable[int]) -> dict[int, str]:
        wanted = json.dumps(list(keys))
        return dict(self._read("SELECT key, id FROM item WHERE key IN (SELECT value FROM json_each(?))", wanted))


class _ItemsOnDemand(Sequence[Item]):
    def __init__(self, table: ItemTable, count: int) -> None:
        self._table, self._count = table, count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, key: int) -> Item: ...
    @overload
    def __getitem__(self, key: slice) -> list[Item]: ...
    def __getitem__(self, key: int | slice) -> Item | list[Item]:
        if isinstance(key, slice):
            return self._table.items()[key]
        sql = f"SELECT {', '.join(ITEM_COLUMNS)} FROM item WHERE key = ?"
        row = range(self._count)[key]  # an int also for a NumPy integer, and counted from the end below 0
        if not (rows := self._table._read(sql, row)):
            raise damaged_error(self._table.file, LookupError("items are missing"))
        return load_items(rows, self._table.file)[0]

    def __iter__(self) -> Iterator[Item]:
        return iter(self._table.items())
