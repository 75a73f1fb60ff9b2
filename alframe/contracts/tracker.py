"""The contract of trackers, which record how a run goes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from alframe.types import RoundRecord


class Tracker(Protocol):
    """A part that receives each finished round. It is only for people: a resumed run reads nothing from it."""

    def start(self, folder: Path, history: list[RoundRecord]) -> None:
        """Begin a run that has had the rounds in `history`; `folder` is the folder of the project.

        Forget the rounds of an earlier start. `history` may have several records of one round, with different numbers
        of labels.
        """

    def log(self, record: RoundRecord) -> None:
        """Record a finished round. If people correct labels or add answers, the same round comes again."""

    def close(self) -> None:
        """Close open files, because the run ends or pauses."""


@runtime_checkable
class TracksSettings(Protocol):
    """A tracker that keeps the settings and parts of a campaign."""

    def track_settings(self, settings: Mapping[str, Any]) -> None:
        """Record all settings, and every part with its parameters (values that JSON allows). Called before `start`."""


@runtime_checkable
class TracksReport(Protocol):
    """A tracker that keeps a copy of the report."""

    def track_report(self, file: Path) -> None:
        """Keep a copy of the HTML page of the report. Called after `close`, when the page has been written."""
