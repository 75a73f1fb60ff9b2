"""What every tracker must do."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from alframe.contracts import Tracker
from alframe.testing.records import round_record


class TrackerSuite:
    """What every tracker must do: give `make`, and `recorded_rounds` if the tracker keeps a record."""

    def make(self) -> Tracker:
        raise NotImplementedError

    def recorded_rounds(self, folder: Path) -> list[int] | None:
        """The numbers of the rounds that the tracker has on record, in its order; None: it keeps no record."""
        return None

    def test_a_run_from_start_to_end(self, tmp_path: Path) -> None:
        self._run(tmp_path, before=0, after=3)
        self._expect(tmp_path, 3)

    def test_a_run_that_goes_on(self, tmp_path: Path) -> None:
        self._run(tmp_path, before=0, after=2)
        self._run(tmp_path, before=2, after=2)
        self._expect(tmp_path, 4)

    def test_the_history_is_the_truth_after_a_crash(self, tmp_path: Path) -> None:
        self._run(tmp_path, before=0, after=2)
        self._run(tmp_path, before=3, after=1)  # round 2 ended, and the tracker was never told
        self._expect(tmp_path, 4)
        self._run(tmp_path, before=1, after=1)  # it was told of rounds that were never finished
        self._expect(tmp_path, 2)

    def test_a_round_without_evaluation(self, tmp_path: Path) -> None:
        tracker = self.make()
        tracker.start(tmp_path, [round_record(0, accuracy=None)])
        tracker.log(round_record(1, accuracy=None))
        tracker.close()
        self._expect(tmp_path, 2)

    def test_a_round_with_an_audit(self, tmp_path: Path) -> None:
        tracker = self.make()
        tracker.start(tmp_path, [round_record(0, audit=0.5)])
        tracker.log(round_record(1, accuracy=None, audit=0.0))
        tracker.log(round_record(2, audit=1.0))
        tracker.close()
        self._expect(tmp_path, 3)

    def test_closing_with_nothing_told(self, tmp_path: Path) -> None:
        self._run(tmp_path, before=0, after=0)
        self._expect(tmp_path, 0)

    def test_nothing_is_changed_nor_written_elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        project, elsewhere = tmp_path / "a project", tmp_path / "elsewhere"
        project.mkdir()
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        history = [round_record(0), round_record(1)]
        before = copy.deepcopy(history)
        tracker = self.make()
        tracker.start(project, history)
        tracker.log(round_record(2))
        tracker.close()
        assert repr(history) == repr(before), "it changed the history"
        assert not list(elsewhere.iterdir()), "it wrote into the working directory, not the project's folder"

    def _run(self, folder: Path, before: int, after: int) -> None:
        tracker = self.make()
        tracker.start(folder, [round_record(number, labels=10 * number) for number in range(before)])
        for number in range(before, before + after):
            tracker.log(round_record(number, labels=10 * number))
        tracker.close()

    def _expect(self, folder: Path, count: int) -> None:
        found = self.recorded_rounds(folder)
        assert found is None or found == list(range(count)), f"{count} rounds have ended, on record are {found}"
