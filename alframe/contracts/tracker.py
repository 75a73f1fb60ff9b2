"""The contract of trackers, which record how a run goes."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from alframe.types import RoundRecord


class Tracker(Protocol):
    """A listener that is told about each round once; it holds nothing that a run needs to go on."""

    def start(self, folder: Path, history: list[RoundRecord]) -> None:
        """Take note that a run begins, or goes on after the rounds in `history`; `folder` is the project's."""

    def log(self, record: RoundRecord) -> None:
        """Take note of a round that has ended."""

    def close(self) -> None:
        """Close open files: the run has ended or pauses."""
