"""Check the values that parts return. A message names the part, its distribution and the wrong value."""

from __future__ import annotations

import inspect
import logging
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alframe import contracts
from alframe.builtins import REGISTRIES
from alframe.contracts import (
    CheckableExporter,
    ExportableModel,
    Exporter,
    LabelSource,
    Stopping,
    Tracker,
    TracksReport,
    TracksSettings,
)
from alframe.engine.broken_contract import broken_contract
from alframe.errors import AlframeError, BadOutput, BrokenPlugin
from alframe.types import Answers, Item, Label, Predictions, Request, RoundRecord

log = logging.getLogger(__name__)


def require_members(kind: str, part: object) -> None:
    """Raise BrokenPlugin unless the part has every attribute and method of its contract. No method is called."""
    contract = getattr(contracts, "".join(word.capitalize() for word in kind.split("_")))
    members = {**vars(contract), **inspect.get_annotations(contract)}
    for name in (name for name in members if not name.startswith("_")):
        missing = object()
        member = inspect.getattr_static(part, name, missing)
        is_method = inspect.isfunction(members[name]) and not isinstance(member, property)
        if member is missing or (is_method and not callable(getattr(part, name))):
            what = "method" if inspect.isfunction(members[name]) else "attribute"
            raise BrokenPlugin(
                f"{REGISTRIES[kind].describe_built(part)} has no {what} '{name}', which the contract of its kind names "
                f"(alframe.contracts.{contract.__name__}). If it is your own, add it; else report it."
            )


def checked_stop_reason(stopping: Stopping, history: Sequence[RoundRecord]) -> str | None:
    """Return the result of `decide`. Raises BadOutput unless it is a reason in words or None."""
    reason: object = stopping.decide(history)
    if reason is None or (isinstance(reason, str) and reason.strip()):
        return reason
    raise broken_contract(
        "stopping", stopping, f"decides {reason!r} ({type(reason).__name__}), not a reason in words, or None"
    )


def checked_labels_left(stopping: Stopping, label_count: int) -> int | None:
    """Return the result of `labels_left`. Raises BadOutput unless it is a whole number of at least 0 or None."""
    left: object = stopping.labels_left(label_count)
    if left is None or (isinstance(left, int) and not isinstance(left, bool) and left >= 0):
        return left
    raise broken_contract(
        "stopping", stopping, f"has room for {left!r} labels after {label_count}, not a number of at least 0, or None"
    )


def checked_answers(source: LabelSource, request: Request) -> Answers:
    """Return the result of `collect`. Raises BadOutput unless it is Answers with labels."""
    answers: object = source.collect(request)
    if not isinstance(answers, Answers):
        raise broken_contract(
            "label_source", source, f"collects {reprlib.repr(answers)} ({type(answers).__name__}), not Answers"
        )
    for label in answers.labels:
        if not isinstance(label, Label) or not isinstance(label.class_name, str) or not label.class_name:
            raise broken_contract(
                "label_source", source, f"collects {label!r}, which is no Label with the name of a class"
            )
    return answers


class CheckedExporter:
    """A wrapper of an exporter: every error becomes an AlframeError with its name, and its paths are checked."""

    def __init__(self, exporter: Exporter) -> None:
        self.exporter = exporter

    def check(self, items: Sequence[Item]) -> None:
        """See the contract CheckableExporter. Another exporter passes the check."""
        if not isinstance(self.exporter, CheckableExporter):
            return
        with self._naming_failures():
            self.exporter.check(items)

    def export(self, predictions: Predictions, model: ExportableModel, folder: Path) -> list[Path]:
        with self._naming_failures():
            written: object = self.exporter.export(predictions, model, folder)
        if not isinstance(written, list | tuple) or not all(isinstance(path, Path) for path in written):
            raise broken_contract(
                "exporter", self.exporter, f"returns {reprlib.repr(written)}, not the paths that it wrote"
            )
        outside = [path for path in written if not path.is_relative_to(folder) or not path.exists()]
        if outside:
            raise broken_contract(
                "exporter", self.exporter, f"returns {outside[0]}, which is not there, or not below {folder}"
            )
        return list(written)

    @contextmanager
    def _naming_failures(self) -> Iterator[None]:
        try:
            yield
        except AlframeError:
            raise
        except (Exception, SystemExit) as error:
            raise BadOutput(_describe_failure("exporter", self.exporter, error)) from error


class FailSafeTracker:
    """A wrapper of a tracker. If the tracker raises an error, it is logged once, and the tracker is left out."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.failure: str | None = None

    def track_settings(self, settings: Mapping[str, Any]) -> None:
        """See the contract TracksSettings. This is the first call of a run, so a failed tracker is tried again."""
        self.failure = None
        if isinstance(self.tracker, TracksSettings):
            self._call("track_settings", settings)

    def start(self, folder: Path, history: Sequence[RoundRecord]) -> None:
        self._call("start", folder, history)

    def log(self, record: RoundRecord) -> None:
        self._call("log", record)

    def close(self) -> None:
        self._call("close")

    def track_report(self, file: Path) -> None:
        if isinstance(self.tracker, TracksReport):
            self._call("track_report", file)

    def _call(self, method: str, *arguments: object) -> None:
        if self.failure is not None:
            return
        try:
            getattr(self.tracker, method)(*arguments)
        except (Exception, SystemExit) as error:
            self.failure = _describe_failure("tracker", self.tracker, error)
            log.error("%s The campaign continues without it.", self.failure)
            log.debug("The traceback of this failure:", exc_info=True)


def _describe_failure(kind: str, part: object, error: BaseException) -> str:
    what = str(error) if isinstance(error, AlframeError) else f"{type(error).__name__}: {error}"
    return f"{REGISTRIES[kind].describe_built(part)} failed: {what}."


def tracker_failures(trackers: Sequence[Tracker]) -> list[str]:
    """Return the reason for each tracker that was left out."""
    return [each.failure for each in trackers if isinstance(each, FailSafeTracker) and each.failure is not None]
