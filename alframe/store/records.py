"""What the ledger gives, and records to JSON and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, overload

from alframe.errors import StoreError
from alframe.store.database import damaged_error
from alframe.types import CROSS_VALIDATION_BASIS, Box, Estimate, Evaluation, Item, Label, RoundRecord


class FoundWhenNew(NamedTuple):
    """What an item got when it was new: from the pool, or where the pool does not say, from its file."""

    split: Literal["pool", "test"]
    taken: datetime | None
    sequence: str | None
    box: Box | None
    meta: Mapping[str, str]


class StoredItems(Sequence[Item]):
    """Items by key, each made from its row when it is read: most are never read."""

    COLUMNS = ("id", "path", "split", "label", "camera", "taken", "sequence", "box", "meta")

    def __init__(self, rows: Sequence[tuple[Any, ...]], file: Path) -> None:
        self._rows = rows
        self._file = file

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, key: int) -> Item: ...
    @overload
    def __getitem__(self, key: slice) -> list[Item]: ...
    def __getitem__(self, key: int | slice) -> Item | list[Item]:
        if isinstance(key, slice):
            return [self._load(row) for row in self._rows[key]]
        try:
            return self._load(self._rows[key])
        except (IndexError, TypeError) as error:  # the ledger itself names the keys
            raise damaged_error(self._file, error) from error

    def __iter__(self) -> Iterator[Item]:
        return map(self._load, self._rows)

    def ids(self) -> Iterator[str]:
        """Return the ids by key."""
        return (row[0] for row in self._rows)

    def labels(self) -> Iterator[str]:
        """Yield the labels that the pool gave when the items were new, by key; items without one are passed over."""
        return (row[3] for row in self._rows if row[3] is not None)

    def path(self, key: int) -> str:
        """Return where the item of this key was last seen."""
        return str(self._rows[key][1])

    def found_when_new(self, key: int) -> FoundWhenNew:
        """Return what is stored of this item besides what the pool says each time; no whole item has to be made."""
        row = self._rows[key]
        try:
            return FoundWhenNew(row[2], load_time(row[5]), row[6], load_box(row[7]), _load_meta(row[8]))
        except (ValueError, TypeError, RecursionError) as error:
            raise damaged_error(self._file, error) from error

    def _load(self, row: tuple[Any, ...]) -> Item:
        try:
            return _load_item(row)
        except (ValueError, TypeError, RecursionError) as error:
            raise damaged_error(self._file, error) from error

    def is_unchanged(self, key: int, item: Item) -> bool:
        """Return whether `item`, without a box, has the id, split, time and sequence that are stored."""
        id_, _, split, _, _, taken, sequence, box, _ = self._rows[key]
        current = item.id, item.split, dump_time(item.taken), item.sequence, item.box
        return current == (id_, split, taken, sequence, None) and box is None


def dump_item(item: Item) -> tuple[str | None, ...]:
    """Return the row of an item, in the order of `StoredItems.COLUMNS`."""
    taken, box, meta = dump_time(item.taken), dump_box(item.box), json.dumps(dict(item.meta), ensure_ascii=False)
    return item.id, str(item.path), item.split, item.label, item.camera, taken, item.sequence, box, meta


def _load_item(row: tuple[Any, ...]) -> Item:
    id_, path, split, label, camera, taken, sequence, box, meta = row
    return Item(
        *(id_, Path(path)),
        label=label,
        split=split,
        camera=camera,
        taken=load_time(taken),
        sequence=sequence,
        box=load_box(box),
        meta={} if meta == "{}" else _load_meta(meta),
    )


@lru_cache(64)  # most often one and the same, many times
def _load_meta(text: str) -> Mapping[str, str]:
    meta: Mapping[str, str] = json.loads(text)
    return meta


class FormerId(NamedTuple):
    """An id that an item had up to the round `until_round` (0: before the first one); then its file was moved."""

    key: int
    id: str
    until_round: int


class StoredLabel(NamedTuple):
    """A row of the ledger's label table; `statement` is the number `n` of the first row of its statement.

    `labelled_at` is ISO text. `labelled_on` is another item than `item` if the label was propagated from there.
    """

    n: int
    statement: int
    taken_back: int
    item: int
    round: int | None
    origin: str
    class_name: str
    annotator: str
    labelled_at: str | None
    file: str
    row: int | None
    answer_file_hash: str
    labelled_on: int

    @property
    def time(self) -> datetime | None:
        """When the label was given, if that is known. Raises StoreError if the ledger is damaged."""
        try:
            return load_time(self.labelled_at)
        except (ValueError, TypeError) as error:
            raise StoreError(f"The ledger's label {self.n} is damaged ({error}). Restore it from a backup.") from error

    def to_label(self, item_id: str = "") -> Label:
        """Return the label as one of the item with this id."""
        return Label(item_id, self.class_name, self.annotator, self.time, self.file, self.row, self.answer_file_hash)


@dataclass(frozen=True, slots=True)
class StoredRound:
    """One request for labels as it was made, with the names of its samplers and the recipe of its label source.

    `audit_keys` are those of the `keys` that were drawn at random. `start_sampler` chose the others if there was no
    model yet, else `sampler`.
    """

    number: int
    keys: tuple[int, ...]
    requested: bool
    closed: bool
    audit_keys: frozenset[int]
    label_source: Mapping[str, Any]
    sampler: str
    start_sampler: str = ""


def dump_record(record: RoundRecord) -> str:
    """Return a round's record as JSON."""
    return json.dumps(dataclasses.asdict(record), default=datetime.isoformat, ensure_ascii=False)


def load_record(text: str) -> RoundRecord:
    """Return the record that `dump_record` wrote."""
    data: dict[str, Any] = json.loads(text)
    data["evaluation"] = _load_evaluation(data["evaluation"])
    data["audit"] = _load_evaluation(data.get("audit"))  # which records of before there were audits do not have
    for name in ("unlabelled_accuracy", "whole_pool_accuracy"):
        data[name] = Estimate(**data[name]) if data.get(name) else None
    data["classes"] = tuple(data["classes"])
    data["at"] = datetime.fromisoformat(data["at"])
    return RoundRecord(**data)


def without_leaked_evaluation(record: RoundRecord) -> RoundRecord:
    """Return a record from after a fine-tuning without an evaluation by the labels that were trained on."""
    if record.evaluation is None or record.evaluation.basis != CROSS_VALIDATION_BASIS:
        return record
    why = "No accuracy: an earlier version measured it on labels that fine-tuning had used, so it was too good."
    return replace(record, evaluation=None, no_evaluation=why)


def _load_evaluation(data: dict[str, Any] | None) -> Evaluation | None:
    if data is None:
        return None
    confusion = tuple(map(tuple, data["confusion"]))
    lists = {"classes": tuple(data["classes"]), "confusion": confusion, "per_class": tuple(data["per_class"])}
    return Evaluation(**{**data, **lists})


def dump_time(time: datetime | None) -> str | None:
    """Return a time as ISO text, or None."""
    return None if time is None else time.isoformat()


def load_time(text: str | None) -> datetime | None:
    """Return the time that `dump_time` wrote."""
    return None if text is None else datetime.fromisoformat(text)


def dump_box(box: Box | None) -> str | None:
    """Return a box as JSON [x, y, w, h], or None."""
    return None if box is None else json.dumps([box.x, box.y, box.w, box.h])


def load_box(text: str | None) -> Box | None:
    """Return the box that `dump_box` wrote."""
    return None if text is None else Box(*json.loads(text))
