"""A few images that a drive does not give are left out with a warning; more end the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from alframe.data.drive_failures import TOLERATED_IN_A_ROW, DriveFailures
from alframe.errors import PoolError


@pytest.mark.parametrize(("total", "tolerated"), [(1, 1), (30, 1), (299, 2), (1000, 10), (10**6, 19)])
def test_more_than_a_few_failures_end_the_run(total: int, tolerated: int) -> None:
    failures = DriveFailures(total)
    for number in range(tolerated):
        failures.note_read(Path(f"{number}.jpg"), "it failed")
    with pytest.raises(PoolError, match=f"{tolerated + 1} of {total:,} images.*the first: 0.jpg .it failed."):
        failures.note_read(Path("last.jpg"), "it failed")


def test_those_in_between_that_are_given_count(caplog: pytest.LogCaptureFixture) -> None:
    failures = DriveFailures(10**5)
    for number in range(100):
        failures.note_read(Path(f"{number}.jpg"), "it failed")
        failures.note_read(Path(f"{number}.jpg"), None)
    failures.warn()
    assert "100 of 100,000 images" in caplog.text
    assert "0.jpg (it failed)" in caplog.text


def test_the_same_file_counts_once() -> None:
    failures = DriveFailures(30)
    for _ in range(TOLERATED_IN_A_ROW - 1):
        failures.note_read(Path("a.jpg"), "it failed")
