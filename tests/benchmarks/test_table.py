"""The README's table of speed says what the results say."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import ONE_THREAD, RUNS
from benchmarks.table import README, TASKS, newest, page, rows, table

RESULTS = newest()


def test_the_readme_has_the_newest_results() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == page(text, RESULTS), "run: python -m benchmarks.table"


def test_every_task_was_measured_and_can_be_measured_again() -> None:
    assert {*TASKS} <= {*RESULTS}
    assert {*TASKS} <= {*RUNS} and {*ONE_THREAD} <= {*RUNS}


def test_ratios_are_the_others_over_ours() -> None:
    result = RESULTS["kcenter-100"]
    (row,) = rows({"kcenter-100": result})
    ones = result["results"]
    assert row.seconds == ones["alframe"]["median_s"]
    assert row.ratios["textbook (FAISS)"] == pytest.approx(ones["textbook (FAISS)"]["median_s"] / row.seconds)
    assert "alframe" not in row.ratios
    assert f"| {row.what} |" in table({"kcenter-100": result})


def test_newest_is_by_the_date_in_the_name() -> None:
    assert newest().keys() == {name for name in RESULTS if not name.startswith("20")}


def test_a_readme_without_a_place_for_it_is_refused() -> None:
    with pytest.raises(ValueError, match="between which the table belongs"):
        page("# alframe\n", RESULTS)
