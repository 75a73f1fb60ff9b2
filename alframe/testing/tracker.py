"""The conformance suite of trackers."""

from __future__ import annotations

import copy
from contextlib import chdir
from pathlib import Path

import pytest

from alframe.contracts import Tracker
from alframe.testing.part import PartSuite
from alframe.testing.records import round_record
from alframe.types import RoundRecord


class TrackerSuite(PartSuite[Tracker]):
    """What every tracker must do: give `make`, and `recorded_rounds` if the tracker keeps a record."""

    def recorded_rounds(self, folder: Path) -> list[int] | None:
        """Return the numbers of the rounds on record, in the tracker's order; None if it keeps no record."""
        return None

    @pytest.mark.parametrize("rounds", [3, 0])
    def test_run_from_start_to_end(self, tmp_path: Path, rounds: int) -> None:
        self._run_made_rounds(tmp_path, before=0, after=rounds)
        self._assert_recorded(tmp_path, rounds)

    def test_run_that_goes_on(self, tmp_path: Path) -> None:
        self._run_made_rounds(tmp_path, before=0, after=2)
        self._run_made_rounds(tmp_path, before=2, after=2)
        self._assert_recorded(tmp_path, 4)

    def test_history_is_the_truth_after_a_crash(self, tmp_path: Path) -> None:
        self._run_made_rounds(tmp_path, before=0, after=2)
        self._run_made_rounds(tmp_path, before=3, after=1)  # round 2 ended, and the tracker was never told
        self._assert_recorded(tmp_path, 4)
        self._run_made_rounds(tmp_path, before=1, after=1)  # it was told of rounds that were never finished
        self._assert_recorded(tmp_path, 2)

    def test_each_round_is_on_record_at_once(self, tmp_path: Path) -> None:
        """The process may be killed after any round: what is written only by close() would be lost."""
        tracker = self.make()
        tracker.start(tmp_path, [])
        for number in range(3):
            tracker.log(round_record(number, labels=10 * number))
            self._assert_recorded(tmp_path, number + 1)
        before = {file for file in tmp_path.rglob("*") if file.is_file() and file.stat().st_size}
        tracker.close()
        after = {file for file in tmp_path.rglob("*") if file.is_file() and file.stat().st_size}
        assert before or not after, f"only close() writes {', '.join(file.name for file in after)}"

    @pytest.mark.parametrize("history_audit", [None, 0.5])
    def test_rounds_without_evaluation_and_with_an_audit(self, tmp_path: Path, history_audit: float | None) -> None:
        rounds = [round_record(1, accuracy=None), round_record(2, accuracy=None, audit=0.0), round_record(3, audit=1.0)]
        self._run_tracker(tmp_path, [round_record(0, accuracy=history_audit, audit=history_audit)], rounds)
        self._assert_recorded(tmp_path, 4)

    def test_changes_nothing_and_writes_nothing_elsewhere(self, tmp_path: Path, *_: object) -> None:
        project, elsewhere = tmp_path / "a project", tmp_path / "elsewhere"
        project.mkdir()
        elsewhere.mkdir()
        history = [round_record(0), round_record(1)]
        before = copy.deepcopy(history)
        with chdir(elsewhere):
            self._run_tracker(project, history, [round_record(2)])
        assert repr(history) == repr(before), "the tracker changed the history"
        assert not list(elsewhere.iterdir()), "it wrote into the working directory, not the project's folder"

    def _run_tracker(self, folder: Path, history: list[RoundRecord], rounds: list[RoundRecord]) -> None:
        tracker = self.make()
        tracker.start(folder, history)
        for record in rounds:
            tracker.log(record)
        tracker.close()

    def _run_made_rounds(self, folder: Path, before: int, after: int) -> None:
        records = [round_record(number, labels=10 * number) for number in range(before + after)]
        self._run_tracker(folder, records[:before], records[before:])

    def _assert_recorded(self, folder: Path, count: int) -> None:
        recorded = self.recorded_rounds(folder)
        assert recorded is None or recorded == list(range(count)), f"{count} rounds have ended, on record: {recorded}"
