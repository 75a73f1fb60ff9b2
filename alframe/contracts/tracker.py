"""A tracker records how a run goes."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from alframe.types import RoundRecord


class Tracker(Protocol):
    """Told about each round once; holds nothing that a run needs to go on."""

    def start(self, folder: Path, history: list[RoundRecord]) -> None:
        """A run begins, or goes on after the rounds in `history`; `folder` is the project's."""
        ...

    def log(self, record: RoundRecord) -> None:
        """A round has ended."""
        ...

    def close(self) -> None:
        """The run has ended or pauses."""
        ...
