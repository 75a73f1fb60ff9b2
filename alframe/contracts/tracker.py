"""The contract of trackers, which record how a run goes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from alframe.types import RoundRecord


class Tracker(Protocol):
    """A listener that gets each round once. A resumed run needs nothing that a tracker stores."""

    def start(self, folder: Path, history: list[RoundRecord]) -> None:
        """Take note that a run begins, or goes on after the rounds in `history`; `folder` is the project's.

        It forgets the rounds of an earlier start. `history` may have a round again, with another number of labels.
        """

    def log(self, record: RoundRecord) -> None:
        """Take note of a round that has ended, or that was measured again after answers came or were corrected."""

    def close(self) -> None:
        """Close open files: the run has ended or pauses."""


@runtime_checkable
class TracksSettings(Protocol):
    """A tracker that keeps the settings and parts of a campaign."""

    def track_settings(self, settings: Mapping[str, Any]) -> None:
        """Take note of all settings and of every part with its parameters, as JSON has them; called before `start`."""


@runtime_checkable
class TracksReport(Protocol):
    """A tracker that keeps a copy of the report."""

    def track_report(self, file: Path) -> None:
        """Keep a copy of the HTML page that was just written; called after `close`."""
