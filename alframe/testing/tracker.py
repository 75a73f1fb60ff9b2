"""The conformance suite of trackers."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import chdir
from dataclasses import replace
from pathlib import Path

import pytest

from alframe.contracts import Tracker
from alframe.testing.file_use import watching_files
from alframe.testing.part import PartSuite
from alframe.testing.records import round_record
from alframe.types import RoundRecord


class TrackerSuite(PartSuite[Tracker]):
    """Tests of every tracker. Write a subclass with `make`, and with `recorded_rounds` if it stores the rounds.

    If it stores the recall of each class, also write `recorded_recalls`.
    """

    def recorded_rounds(self, folder: Path) -> list[int] | None:
        """Return the numbers of the stored rounds, in the order of the tracker, or None if it stores no rounds."""
        return None

    def recorded_recalls(self, folder: Path) -> Mapping[str, float] | None:
        """Return the stored recall of each class in the newest round, or None if it is not stored."""
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

    def test_second_start_begins_anew(self, tmp_path: Path) -> None:
        """One process may run several campaigns, and go on with one after it was interrupted."""
        tracker, records = self.make(), [round_record(number, labels=10 * number) for number in range(3)]
        for name, before in (("first", 0), ("second", 0), ("first", 1)):
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            tracker.start(folder, records[:before])
            for record in records[before : before + 2]:
                tracker.log(record)
            tracker.close()
            self._assert_recorded(folder, before + 2)
        tracker.start(tmp_path / "first", records[:1])
        tracker.close()
        recorded = self.recorded_rounds(tmp_path / "first")
        assert recorded in (None, [0]), (
            f"the same tracker was started again with round 0 as the history, and {recorded} are on record: start() "
            f"must forget the rounds of an earlier start"
        )

    def test_no_file_is_emptied_before_it_is_written(self, tmp_path: Path) -> None:
        """Another program may read the file at any time, and the process may be killed at any time."""
        tracker, records = self.make(), [round_record(number, labels=10 * number) for number in range(4)]
        with watching_files(tmp_path) as use:
            for before in (0, 1):
                tracker.start(tmp_path, records[:before])
                for record in records[before : before + 3]:
                    tracker.log(record)
                tracker.close()
        assert not use.rewritten, (
            f"{', '.join(use.rewritten)} is emptied or deleted, and written anew: append a row, or replace the whole "
            f"file by alframe.kit.files.replace_atomically or write_text"
        )

    def test_each_class_has_its_own_recall(self, tmp_path: Path) -> None:
        record = round_record(0)
        assert record.evaluation is not None, "round_record() lacks an evaluation"
        recalls = dict(zip(record.evaluation.classes, (0.25, 0.75), strict=True))
        rows = zip(record.evaluation.per_class, recalls.values(), strict=True)
        per_class = tuple({**row, "recall": recall} for row, recall in rows)
        self._run_tracker(tmp_path, [], [replace(record, evaluation=replace(record.evaluation, per_class=per_class))])
        recorded = self.recorded_recalls(tmp_path)
        assert recorded is None or recorded == pytest.approx(recalls, abs=0.01), (
            f"the recalls are {recalls}, and {recorded} are on record: per_class is in the order of classes"
        )

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
