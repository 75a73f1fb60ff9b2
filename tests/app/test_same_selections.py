"""The same command chooses the same images, however it is run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from alframe.app.api import open_session
from alframe.store.events import RequestEnvironment
from alframe.store.ledger import Ledger
from alframe.testing.tiny import tiny_overrides
from tests.command_line import CommandLine

AXES = ["sampler=margin,badge", "seed=0,1", "batch=3", "stopping.labels=10"]


def selections(runs: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that each run chose, in its order and with its scores."""
    chosen = {}
    for file in runs.glob("*/ledger.sqlite"):
        with Ledger.open(file.parent, read_only=True) as ledger:
            chosen[file.parent.name] = ledger.raw_rows("selection", ["round", "rank", "item", "score"])
    return chosen


def with_workers(pool: Path, runs: Path, workers: int) -> list[str]:
    words = [word for word in tiny_overrides(pool, runs) if not word.startswith("compute.workers")]
    return [*words, f"compute.workers={workers}"]


def test_several_workers_and_a_resumed_run_choose_the_same(alframe: CommandLine, pool: Path, tmp_path: Path) -> None:
    assert alframe(*with_workers(pool, tmp_path / "one", 0), *AXES, "-m").code == 0
    expected = selections(tmp_path / "one")
    assert len(expected) == 4 and all(len(rows) == 10 for rows in expected.values())
    assert alframe(*with_workers(pool, tmp_path / "several", 2), *AXES, "-m").code == 0
    assert selections(tmp_path / "several") == expected

    resumed = [*tiny_overrides(pool, tmp_path / "resumed"), "sampler=badge", "seed=1", "batch=3"]
    assert alframe(*resumed, "stopping.labels=7", "project=resumed/p").code == 0
    assert alframe("project=resumed/p", "stopping.labels=10").code == 0
    with Ledger.open(tmp_path / "resumed" / "p", read_only=True) as ledger:
        rows = ledger.raw_rows("selection", ["round", "rank", "item", "score"])
    assert rows == next(rows for name, rows in expected.items() if "badge-seed1" in name)


@pytest.mark.slow
def test_processes_of_joblib_choose_the_same(alframe: CommandLine, pool: Path, tmp_path: Path) -> None:
    assert alframe(*tiny_overrides(pool, tmp_path / "plain"), *AXES, "-m").code == 0
    words = [
        *with_workers(pool, tmp_path / "joblib", 1),
        *AXES,
        "-m",
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
    ]
    command = [sys.executable, "-m", "alframe", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert selections(tmp_path / "joblib") == selections(tmp_path / "plain")


def test_each_request_records_what_it_was_made_with(pool: Path, tmp_path: Path) -> None:
    def origin(runs: str, *words: str) -> RequestEnvironment:
        with open_session(*tiny_overrides(pool, tmp_path / runs), "stopping.labels=8", *words) as session:
            session.task_to_run.run(session)
            events = session.ledger.events_of(RequestEnvironment)
            assert [number for number, _ in events] == [stored.number for stored in session.ledger.stored_rounds()]
        return events[-1][1]

    made = origin("a")
    assert made.python == ".".join(map(str, sys.version_info[:3]))
    assert made.system and made.processors > 0 and len(made.data) == 32
    assert origin("b").data == made.data, "the same images"
    assert origin("c", "holdout.fraction=0.5").data != made.data, "others are held out"
