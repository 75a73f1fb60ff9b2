"""One line of JSON a round, for other programs."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from alframe.kit.files import replace_atomically
from alframe.types import RoundRecord


class Jsonl:
    """Writes RoundRecords to `rounds.jsonl` in the project's folder; times in ISO 8601, NaN and infinity as null."""

    def __init__(self) -> None:
        self._file: Path | None = None

    def start(self, folder: Path, history: list[RoundRecord]) -> None:
        """See the Tracker contract."""
        self._file = folder / "rounds.jsonl"
        # Written anew: after a crash between a round and its line, or within a line, the history knows what is true.
        with replace_atomically(self._file) as temporary:
            temporary.write_text("".join(map(_line, history)), encoding="utf-8", newline="\n")

    def log(self, record: RoundRecord) -> None:
        """See the Tracker contract; the line is on the disk when this returns."""
        assert self._file is not None, "start() comes first"
        with self._file.open("a", encoding="utf-8", newline="\n") as file:
            file.write(_line(record))
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Nothing is held open."""


def _line(record: RoundRecord) -> str:
    return json.dumps(_plain(record), ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "item"):  # a numpy scalar
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
