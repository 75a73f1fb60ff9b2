"""Runs as they are read from sweeps and projects, and the tidy table of their curves."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from alframe.comparison.curves_table import class_balance, curves_table
from alframe.comparison.runs import read_runs
from alframe.errors import StoreError
from alframe.store.ledger import Ledger
from alframe.testing.tiny import tiny_overrides
from tests.command_line import CommandLine, alframe, pool

__all__ = ["alframe", "pool"]
PREVIOUS = Path(__file__).parents[1] / "previous"


def test_the_tidy_table_says_what_the_ledgers_say(alframe: CommandLine, pool: Path, tmp_path: Path) -> None:
    words = [*tiny_overrides(pool, tmp_path / "runs"), "stopping.labels=12", "start.labels=4"]
    assert alframe(*words, "sampler=margin,random", "batch=4,8", "seed=5,6", "-m", "hydra.sweep.dir=sweep").code == 0
    table = pd.read_csv(tmp_path / "sweep" / "curves.csv", keep_default_na=False)
    assert list(table.columns[:9]) == [
        *("sampler", "batch", "seed", "round", "labels", "seconds", "selection_seconds", "n", "accuracy")
    ]
    pd.testing.assert_frame_equal(table, pd.read_parquet(tmp_path / "sweep" / "curves.parquet"), check_dtype=False)
    assert {*zip(table.sampler, table.batch, table.seed, strict=True)} == {
        (sampler, batch, seed) for sampler in ("margin", "random") for batch in (4, 8) for seed in (5, 6)
    }
    for folder, rows in table.groupby("folder"):
        with Ledger.open(Path(folder), read_only=True) as ledger:
            history, items = ledger.history(), ledger.items()
            asked = [items[key].label for request in ledger.stored_rounds() for key in request.keys]
        assert [record.labels for record in history] == rows.labels.to_list()
        assert [record.evaluation.accuracy for record in history if record.evaluation] == rows.accuracy.to_list()
        for labels, found, balance in zip(rows.labels, rows.classes_found, rows.class_balance, strict=True):
            counts = Counter(asked[:labels])
            assert found == len(counts)
            assert balance == pytest.approx(class_balance(counts, 3))


def test_equal_counts_are_balanced_and_one_class_is_not() -> None:
    assert class_balance({"a": 5, "b": 5}, 2) == pytest.approx(1)
    assert class_balance({"a": 5}, 2) == 0
    assert class_balance({"a": 5, "b": 5}, 4) == pytest.approx(0.5)
    assert class_balance({}, 4) != class_balance({}, 4), "nothing is known"


def test_projects_of_an_earlier_version_are_read_and_stay_as_they_are(tmp_path: Path) -> None:
    project = Path(shutil.copytree(PREVIOUS / "simulation", tmp_path / "simulation"))
    before = {file: file.read_bytes() for file in project.rglob("*.sqlite")}
    found = read_runs([project])
    assert sorted((run.choices["sampler"], run.seed) for run in found.runs) == [
        ("adaptive", 3),
        ("adaptive", 4),
        ("random", 3),
        ("random", 4),
    ]
    table = curves_table(found.runs)
    assert list(table.columns[:3]) == ["sampler", "seed", "round"]
    assert table.accuracy.between(0, 1).all()
    assert {file: file.read_bytes() for file in before} == before


def test_what_is_left_out_is_named(alframe: CommandLine, pool: Path, tmp_path: Path) -> None:
    words = [*tiny_overrides(pool, tmp_path / "runs"), "stopping.labels=8", "-m", "hydra.sweep.dir=runs/sweeps/one"]
    assert alframe(*words, "sampler=margin,random,bald").code == 1
    shutil.move(tmp_path / "runs", tmp_path / "elsewhere")
    sweep = tmp_path / "elsewhere" / "sweeps" / "one"
    found = read_runs([sweep])
    assert len(found.runs) == 2, "a sweep that was moved with its runs is found there"
    (failed,) = found.left_out
    assert failed.endswith("sampler=bald: it failed.")
    shutil.rmtree(found.runs[0].folder)
    assert any("does not exist any more" in reason for reason in read_runs([sweep]).left_out)
    (found.runs[1].folder / "done.json").unlink()
    with pytest.raises(StoreError, match="the run has not ended"):
        read_runs([tmp_path / "elsewhere"])


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no folder"):
        read_runs([tmp_path / "nowhere"])
    with pytest.raises(StoreError, match="No run with a measured round"):
        read_runs([tmp_path])


def test_the_file_is_csv_for_every_program(alframe: CommandLine, pool: Path, tmp_path: Path) -> None:
    words = [*tiny_overrides(pool, tmp_path / "runs"), "stopping.labels=8", "-m", "hydra.sweep.dir=s", "batch=2,4"]
    assert alframe(*words).code == 0
    with (tmp_path / "s" / "curves.csv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["batch"] for row in rows} == {"2", "4"}
