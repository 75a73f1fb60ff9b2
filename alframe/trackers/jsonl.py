"""Write one line of JSON for each round, for other programs."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from alframe.kit.files import replace_atomically
from alframe.types import RoundRecord

log = logging.getLogger(__name__)


class Jsonl:
    """Write each round as one line of JSON (a RoundRecord) to `rounds.jsonl` in the project's folder.

    Times are in ISO 8601. NaN and infinity are written as null.
    """

    def __init__(self) -> None:
        self._file: Path | None = None

    def start(self, folder: Path, history: list[RoundRecord]) -> None:
        """Write the rounds in `history`, unless the file has them."""
        self._file = folder / "rounds.jsonl"
        # Rewritten: after a crash between a round and its line, or within a line, only the history is complete.
        content = "".join(map(_to_json_line, history)).encode()
        with self._warning_if_unwritable():
            if not self._file.exists() or self._file.read_bytes() != content:
                with replace_atomically(self._file) as temporary:
                    temporary.write_bytes(content)

    def log(self, record: RoundRecord) -> None:
        """Append a line, and return when it is on the disk."""
        assert self._file is not None, "start() comes first"
        with self._warning_if_unwritable(), self._file.open("a", encoding="utf-8", newline="\n") as file:
            file.write(_to_json_line(record))
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _warning_if_unwritable(self) -> Iterator[None]:
        """Warn if the file cannot be written, for example because another program has it open. The run continues."""
        try:
            yield
        except OSError as error:
            log.warning(
                "%s cannot be written: %s. Close it if another program has it open; the next run writes all rounds.",
                *(self._file, error.strerror or error),
            )

    def close(self) -> None:
        """Do nothing: no file is held open."""


def _to_json_line(record: RoundRecord) -> str:
    return json.dumps(_to_json_value(record), ensure_ascii=False, allow_nan=False) + "\n"


def _to_json_value(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _to_json_value(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _to_json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json_value(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
