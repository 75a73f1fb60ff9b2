"""What the ledger gives, and records to JSON and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alframe.types import Box, Evaluation, RoundRecord


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """A label that stands, with where it came from; `labelled_on` is another item if it was propagated from there."""

    item: int
    class_name: str
    round: int | None
    origin: str
    annotator: str
    at: datetime | None
    file: str
    row: int | None
    labelled_on: int


@dataclass(frozen=True, slots=True)
class StoredRound:
    """One request for labels as it was made, with the recipe of its label source.

    `audit` are those of the `keys` that were drawn at random.
    """

    number: int
    keys: tuple[int, ...]
    requested: bool
    answered: bool
    audit: frozenset[int]
    source: Mapping[str, Any]


def dump_round(record: RoundRecord) -> str:
    """JSON of a round's record."""
    return json.dumps(dataclasses.asdict(record), default=_plain, ensure_ascii=False)


def load_round(text: str) -> RoundRecord:
    """The record that `dump_round` wrote."""
    data: dict[str, Any] = json.loads(text)
    data["evaluation"] = _evaluation(data["evaluation"])
    data["audit"] = _evaluation(data.get("audit"))  # which records of before there were audits do not have
    data["classes"] = tuple(data["classes"])
    data["at"] = datetime.fromisoformat(data["at"])
    return RoundRecord(**data)


def _evaluation(data: dict[str, Any] | None) -> Evaluation | None:
    if data is None:
        return None
    confusion = tuple(map(tuple, data["confusion"]))
    lists = {"classes": tuple(data["classes"]), "confusion": confusion, "per_class": tuple(data["per_class"])}
    return Evaluation(**{**data, **lists})


def dump_box(box: Box | None) -> str | None:
    """JSON [x, y, w, h], or None."""
    return None if box is None else json.dumps([box.x, box.y, box.w, box.h])


def load_box(text: str | None) -> Box | None:
    """The box that `dump_box` wrote."""
    return None if text is None else Box(*json.loads(text))


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")
