"""Records to JSON and back, for what the ledger keeps of a round."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from typing import Any

from alframe.types import Box, Evaluation, RoundRecord


def dump_round(record: RoundRecord) -> str:
    """JSON of a round's record."""
    return json.dumps(dataclasses.asdict(record), default=_plain, ensure_ascii=False)


def load_round(text: str) -> RoundRecord:
    """The record that `dump_round` wrote."""
    data: dict[str, Any] = json.loads(text)
    if data["evaluation"] is not None:
        evaluation = data["evaluation"]
        evaluation["classes"] = tuple(evaluation["classes"])
        evaluation["confusion"] = tuple(map(tuple, evaluation["confusion"]))
        evaluation["per_class"] = tuple(evaluation["per_class"])
        data["evaluation"] = Evaluation(**evaluation)
    data["classes"] = tuple(data["classes"])
    data["at"] = datetime.fromisoformat(data["at"])
    return RoundRecord(**data)


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
