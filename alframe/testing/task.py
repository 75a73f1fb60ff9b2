"""What every task must do."""

from __future__ import annotations

from pathlib import Path

import pytest

from alframe.app.api import open_session
from alframe.loop.session import Session
from alframe.store.ledger import Ledger
from alframe.testing.tiny import tiny_overrides, tiny_pool
from alframe.types import Outcome


class TaskSuite:
    """Say in `overrides` how yours is called (``["task=mine", "task.x=1"]``); it meets a small project that is done."""

    def overrides(self, images: Path) -> list[str]:
        raise NotImplementedError

    @pytest.fixture
    def project(self, tmp_path: Path) -> list[str]:
        """The words of a campaign that has ended."""
        words = tiny_overrides(tiny_pool(tmp_path / "images", each=8), tmp_path / "runs")
        self.run([*words, "stopping.labels=8"])
        return [*words, "stopping.labels=8", *self.overrides(tmp_path / "images")]

    def run(self, words: list[str]) -> Outcome:
        with open_session(*words) as session:
            outcome: Outcome = session.task.run(session)
            return outcome

    def session(self, words: list[str]) -> Session:
        return open_session(*words)

    def test_it_says_how_it_ended(self, project: list[str]) -> None:
        outcome = self.run(project)
        assert isinstance(outcome, Outcome)
        assert outcome.message

    def test_a_read_only_task_adds_nothing_to_the_ledger(self, project: list[str]) -> None:
        session = self.session(project)
        before = self._rows(session.folder)
        self.run(project)
        if session.task.read_only:
            assert self._rows(session.folder) == before

    def test_it_can_be_done_again(self, project: list[str]) -> None:
        assert self.run(project).state is self.run(project).state

    def _rows(self, folder: Path) -> list[int]:
        with Ledger.open(folder, read_only=True) as ledger:
            return [len(ledger.table(name, ["1"])) for name in ("item", "label", "selection", "event", "aside")]
