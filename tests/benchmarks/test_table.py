"""The tables of speed say what the results say."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.__main__ import ONE_THREAD, RUNS
from benchmarks.table import PAGES, README_ROWS, TASKS, newest, page, rows, short_table, table
from tests.each import check_each

RESULTS = newest()


def test_the_pages_have_the_newest_results() -> None:
    def check(name: str, file: Path) -> None:
        text = file.read_text(encoding="utf-8")
        assert text == page(text, PAGES[file](RESULTS)), f"{name}: run: python -m benchmarks.table"

    check_each([(file.name, file) for file in PAGES], check)


def test_the_short_table_has_each_of_its_rows_once() -> None:
    lines = short_table(RESULTS).splitlines()[2:]
    assert len(lines) == len(README_ROWS)
    assert all(sum(line.startswith(f"| {task}") for line in lines) == 1 for task in README_ROWS)


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


def test_a_page_without_a_place_for_it_is_refused() -> None:
    with pytest.raises(ValueError, match="between which the table belongs"):
        page("# alframe\n", table(RESULTS))
