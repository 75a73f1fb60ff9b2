"""The rows of the ledger as Python objects, and the conversion of records to JSON and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from alframe.errors import StoreError
from alframe.store.database import damaged_error
from alframe.types import CROSS_VALIDATION_BASIS, Box, Estimate, Evaluation, Item, ItemColumns, Label, RoundRecord

ITEM_COLUMNS = ("id", "path", "split", "label", "camera", "taken", "sequence", "box", "meta")


def dump_item(item: Item) -> tuple[str | None, ...]:
    """Return the row of an item, in the order of ITEM_COLUMNS."""
    taken, box, meta = dump_time(item.taken), dump_box(item.box), json.dumps(dict(item.meta), ensure_ascii=False)
    return item.id, str(item.path), item.split, item.label, item.camera, taken, item.sequence, box, meta


def load_items(rows: Sequence[tuple[Any, ...]], file: Path) -> ItemColumns:
    """Return the items whose rows `dump_item` gave. Raises StoreError, naming the ledger's `file`, for damaged rows."""
    ids, paths, splits, labels, cameras, taken, sequences, boxes, metas = (
        [row[column] for row in rows] for column in range(len(ITEM_COLUMNS))
    )
    try:
        if wrong := {*map(type, ids), *map(type, paths)} - {str}:
            raise TypeError(f"ids and paths must be text, not {wrong}")
        times, rectangles = [load_time(text) for text in taken], [load_box(text) for text in boxes]
        metas = [_load_meta(text) for text in metas]
    except (ValueError, TypeError, RecursionError) as error:
        raise damaged_error(file, error) from error
    return ItemColumns(ids, paths, labels, splits, cameras, times, sequences, rectangles, metas)


@lru_cache(64)  # most often one and the same, many times
def _load_meta(text: str) -> Mapping[str, str]:
    meta: Mapping[str, str] = json.loads(text)
    return meta


class FormerId(NamedTuple):
    """An id that an item had until the round `until_round` (0: before the first round), when its file was moved."""

    key: int
    id: str
    until_round: int


class StoredLabel(NamedTuple):
    """A row of the ledger's label table; `statement` is the number `n` of the first row of its statement.

    `labelled_at` is ISO text. If the label was propagated from another item, `labelled_on` is that other item.
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
        """The time of the label, if it is known. Raises StoreError if the ledger is damaged."""
        try:
            return load_time(self.labelled_at)
        except (ValueError, TypeError) as error:
            raise StoreError(f"The ledger's label {self.n} is damaged ({error}). Restore it from a backup.") from error

    def to_label(self, item_id: str = "") -> Label:
        return Label(item_id, self.class_name, self.annotator, self.time, self.file, self.row, self.answer_file_hash)


@dataclass(frozen=True, slots=True)
class StoredRound:
    """One request for labels as it was made, with the names of its samplers and the recipe of its label source.

    `audit_keys` are the `keys` that were drawn at random. The others were chosen by `start_sampler` if there was no
    model yet, else by `sampler`.
    """

    number: int
    keys: tuple[int, ...]
    requested: bool
    closed: bool
    audit_keys: frozenset[int]
    label_source: Mapping[str, Any]
    sampler: str
    start_sampler: str = ""
    scores: tuple[float | None, ...] = ()


def dump_record(record: RoundRecord) -> str:
    return json.dumps(dataclasses.asdict(record), default=datetime.isoformat, ensure_ascii=False)


def load_record(text: str) -> RoundRecord:
    data: dict[str, Any] = json.loads(text)
    data["evaluation"] = _load_evaluation(data["evaluation"])
    data["audit"] = _load_evaluation(data.get("audit"))  # which records of before there were audits do not have
    for name in ("unlabelled_accuracy", "whole_pool_accuracy"):
        data[name] = Estimate(**data[name]) if data.get(name) else None
    data["classes"] = tuple(data["classes"])
    data["at"] = datetime.fromisoformat(data["at"])
    return RoundRecord(**data)


def without_leaked_evaluation(record: RoundRecord) -> RoundRecord:
    """Return the record without an evaluation on labels that fine-tuning had used."""
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
