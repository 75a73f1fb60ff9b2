"""The conformance suite of tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from alframe.app.api import open_session
from alframe.contracts import Task
from alframe.store.ledger import Ledger
from alframe.testing.part import Suite
from alframe.testing.tiny import tiny_overrides, tiny_pool
from alframe.types import Outcome, OutcomeState


class TaskSuite(Suite):
    """Tests of every task. Write a subclass with the `overrides` of the task, e.g. ``["task=x", "task.y=1"]``."""

    def overrides(self, images: Path) -> list[str]:
        """Return the overrides that choose the task; `images` is the folder of the pool."""
        raise NotImplementedError

    @pytest.fixture
    def project(self, tmp_path: Path) -> list[str]:
        """Return the overrides of the campaign and the task."""
        campaign = [*tiny_overrides(tiny_pool(tmp_path / "images", each=8), tmp_path / "runs"), "stopping.labels=8"]
        self.run(campaign)
        return [*campaign, *self.overrides(tmp_path / "images")]

    def run(self, overrides: list[str]) -> Outcome:
        """Run the task of these overrides."""
        with open_session(*overrides) as session:
            outcome: Outcome = session.task_to_run.run(session)
            return outcome

    def test_says_how_it_ended(self, project: list[str]) -> None:
        outcome = self.run(project)
        assert isinstance(outcome, Outcome), f"run() must return an Outcome, and returned {outcome!r}"
        assert isinstance(outcome.state, OutcomeState), f"state must be an OutcomeState, and is {outcome.state!r}"
        assert outcome.message, "the outcome must have a message for the user"

    def test_read_only_task_adds_nothing_to_the_ledger(self, project: list[str]) -> None:
        session = open_session(*project)
        is_read_only = self._is_read_only(session.task_to_run)
        before, files = self._ledger_row_counts(session.folder), self._file_contents(session.folder)
        self.run(project)
        if is_read_only:
            assert self._ledger_row_counts(session.folder) == before, "a task with read_only = True must not write"
            after = self._file_contents(session.folder)
            changed = [name for name, content in files.items() if after.get(name) != content]
            assert not changed, f"a task with read_only = True must not change or delete {', '.join(changed)}"

    def test_can_be_run_again(self, project: list[str]) -> None:
        assert self.run(project).state is self.run(project).state, "the second run ends in another state"

    def _is_read_only(self, task: Task) -> bool:
        try:
            return task.read_only
        except AttributeError:
            message = "the class lacks read_only: set it to True if the task only reads the project, else to False"
            raise AssertionError(message) from None

    def _file_contents(self, folder: Path) -> dict[str, bytes]:
        """Return what each file of the project holds, but for the page that tells of it."""
        files = (file for file in folder.rglob("*") if file.is_file() and file.suffix != ".html")
        return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}

    def _ledger_row_counts(self, folder: Path) -> list[int]:
        with Ledger.open(folder, read_only=True) as ledger:
            return [len(ledger.raw_rows(name, ["1"])) for name in ("item", "label", "selection", "event", "aside")]
