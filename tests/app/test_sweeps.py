"""Sweeps: what is done again and what is not, what counts, and how they end."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import conf
from alframe.app.logging import ProgressBarHandler, show_warnings_once
from alframe.app.sweep import DEFAULT_EXPORTERS
from alframe.comparison.runs import ENDED_FOLDER, read_sweep_notes
from alframe.loop import project
from alframe.loop.session import Session
from alframe.tasks.run import Run
from alframe.testing.tiny import tiny_overrides
from alframe.trackers.jsonl import Jsonl
from alframe.types import Outcome
from tests.command_line import CommandLine


def ends(runs: Path) -> dict[str, int]:
    """When each run below `runs` was completed (nanoseconds), by folder."""
    return {file.parent.name: file.stat().st_mtime_ns for file in runs.glob("*/done.json")}


def test_a_failing_job_costs_only_itself(alframe: CommandLine, pool: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    words = [*tiny_overrides(pool, runs), "-m", "sampler=bald,margin", "seed=0,1", "stopping.labels=8"]
    finished = alframe(*words)
    assert finished.code == 1
    assert "Traceback" not in finished.err
    assert finished.err.count("failed: sampler=bald needs samples") == 2
    done = ends(runs)
    assert sorted(name.rpartition("-")[0] for name in done) == ["folder-margin-seed0", "folder-margin-seed1"]
    table = finished.out[finished.out.rindex("sampler  seeds") :]
    assert "margin" in table
    assert "bald" not in table
    assert "2 of 4 runs failed and are excluded" in table
    (curves,) = runs.glob("sweeps/*/curves.csv")
    assert curves.name in table


def test_a_warning_that_several_runs_of_a_sweep_give_is_shown_once() -> None:
    def shown(sweep: str, level: int, text: str) -> bool:
        handler = ProgressBarHandler()  # each run has a new one
        logging.getLogger().addHandler(handler)
        show_warnings_once(sweep)
        logging.getLogger().removeHandler(handler)
        return bool(handler.filter(logging.LogRecord("alframe", level, __file__, 0, text, (), None)))

    asked = [("a", logging.WARNING), ("a", logging.WARNING), ("b", logging.WARNING), ("a", logging.ERROR)]
    assert [shown(sweep, level, "The clock stood still.") for sweep, level in asked] == [True, False, True, True]


def test_a_finished_sweep_is_not_done_again(alframe: CommandLine, pool: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    words = [*tiny_overrides(pool, runs), "stopping.labels=8"]
    assert alframe(*words, "seed=0,1", "-m").code == 0
    done = ends(runs)
    finished = alframe("--multirun", "seed=0,1", *words)
    assert finished.code == 0, finished.err
    told = finished.out.partition("\n\n")[0].splitlines()
    assert [line.partition(" Project: ")[0] for line in told] == ["Complete.", "Complete."], "a line for each run"
    assert len(done) == 2
    assert ends(runs) == done


@pytest.mark.slow
def test_a_sweep_with_joblib(pool: Path, tmp_path: Path) -> None:
    """At its defaults: the images are decoded by workers of joblib's workers."""
    at_default = [word for word in tiny_overrides(pool, tmp_path / "runs") if not word.startswith("compute.workers")]
    words = [*at_default, "-m", "hydra/launcher=joblib", "sampler=margin,random"]
    command = [sys.executable, "-m", "alframe", *words, "stopping.labels=8"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180)
    assert finished.returncode == 0, finished.stderr
    assert len(ends(tmp_path / "runs")) == 2


def table_of(out: str) -> str:
    """The table at the end of a sweep, without the folder that it names."""
    return out[out.rindex("seeds  labels") :].partition("The curves of all runs")[0]


def test_a_sweep_folder_that_is_used_again_holds_all_its_runs_and_the_failures_of_the_last_sweep(
    alframe: CommandLine, pool: Path, tmp_path: Path
) -> None:
    words = [*tiny_overrides(pool, tmp_path / "runs"), "stopping.labels=8", "-m", "hydra.sweep.dir=sweep"]
    first = alframe(*words, "sampler=margin,bald")
    assert first.code == 1
    assert "1 of 2 runs failed" in first.out
    again = alframe(*words, "sampler=random,margin,margin")
    assert again.code == 0, again.err
    assert [note["overrides"][-1] for note in read_sweep_notes(tmp_path / "sweep", ENDED_FOLDER)] == [
        "sampler=margin",
        "sampler=random",
    ], "the same run twice is one run"
    assert "failed" not in table_of(again.out)
    curves = (tmp_path / "sweep" / "curves.csv").read_text(encoding="utf-8").splitlines()
    assert len(curves) == 1 + 2 * 2, "two runs, of 4 and 8 labels"
    assert curves[0].startswith("sampler,seed,round,labels,seconds,selection_seconds,n,accuracy,")


def test_a_sweep_that_was_stopped_ends_with_the_same_table(
    alframe: CommandLine, pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = ["stopping.labels=8", "sampler=margin,random", "seed=0,1", "-m", "hydra.sweep.dir=sweep"]
    whole = alframe(*tiny_overrides(pool, tmp_path / "whole"), *axes[:-1])
    assert whole.code == 0, whole.err
    run, left = Run.run, iter([True, True])

    def stopped(task: Run, session: Session) -> Outcome:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return run(task, session)

    words = [*tiny_overrides(pool, tmp_path / "runs"), *axes]
    with monkeypatch.context() as patch:
        patch.setattr(Run, "run", stopped)
        with pytest.raises(KeyboardInterrupt):
            alframe(*words)
    assert len(ends(tmp_path / "runs")) == 2
    resumed, twice = alframe(*words), alframe(*words)
    assert table_of(resumed.out) == table_of(twice.out) == table_of(whole.out)


@pytest.mark.slow
def test_two_sweeps_at_once_in_one_folder_end_with_the_same_table(pool: Path, tmp_path: Path) -> None:
    words = [*tiny_overrides(pool, tmp_path / "runs"), "stopping.labels=8", "sampler=margin,random", "seed=0,1"]
    command = [sys.executable, "-m", "alframe", *words, "-m", "hydra.sweep.dir=sweep"]
    both = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    tables = [table_of(process.communicate(timeout=300)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert tables[0] == tables[1]
    assert tables[0].count("\n") > 4
    assert len(ends(tmp_path / "runs")) == 4


def test_a_run_whose_export_fails_counts_and_the_sweep_ends_with_1(
    alframe: CommandLine, pool: Path, tmp_path: Path
) -> None:
    words = [*tiny_overrides(pool, tmp_path / "runs"), "stopping.labels=8", "exporter=camtrap_dp", "-m", "seed=0,1"]
    finished = alframe(*words)
    assert finished.code == 1
    assert "2 of 2 runs are included, but some of their steps failed:" in finished.out
    assert "Camtrap DP cannot be written yet" in finished.out
    assert re.search(r"^ *uherding_bursts +2 +8 ", table_of(finished.out), re.MULTILINE), "both seeds are in the table"
    assert alframe(*words).code == 1, "also when they had ended before"


@pytest.mark.slow
def test_a_sweep_exports_only_if_an_exporter_is_chosen(alframe: CommandLine, pool: Path, tmp_path: Path) -> None:
    words = [word for word in tiny_overrides(pool, tmp_path / "runs") if not word.startswith("exporter")]
    words += ["stopping.labels=8", "-m", "seed=0"]
    assert alframe(*words).code == 0
    (done,) = tmp_path.glob("runs/*/done.json")
    assert "Exported: nothing, as in every sweep" in done.read_text(encoding="utf-8")
    assert not (done.parent / "export").exists()
    assert alframe(*words, "exporter=[predictions,model]").code == 0, "the same run, which has ended without an export"
    assert (done.parent / "export" / "predictions.csv").is_file()
    assert (done.parent / "export" / "model" / "model.json").is_file()
    before = ends(tmp_path / "runs")
    assert alframe(*words).code == 0
    assert ends(tmp_path / "runs") == before


def test_the_default_exporters_are_those_of_the_configuration() -> None:
    defaults = yaml.safe_load((Path(conf.__path__[0]) / "config.yaml").read_text(encoding="utf-8"))["defaults"]
    assert [entry["exporter"] for entry in defaults if "exporter" in entry] == [sorted(DEFAULT_EXPORTERS, reverse=True)]


def test_a_tracker_that_fails_is_told_by_the_exit_status_until_it_has_got_all(
    alframe: CommandLine, pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the server is away")

    words = [*tiny_overrides(pool, tmp_path / "runs"), "stopping.labels=8", "head=linear", "-m", "seed=0"]
    with monkeypatch.context() as patch:
        patch.setattr(Jsonl, "start", fail)
        for _ in range(2):
            finished = alframe(*words)
            assert finished.code == 1
            assert "1 of 1 runs are included, but some of their steps failed:" in finished.out
            assert "failed: RuntimeError: the server is away." in finished.out
    assert alframe(*words).code == 0, "what failed is done again"
    (written,) = tmp_path.glob("runs/*/rounds.jsonl")
    assert len(written.read_text(encoding="utf-8").splitlines()) == 2


def test_a_sweep_waits_for_another_on_the_same_project(
    alframe: CommandLine, pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*tiny_overrides(pool, tmp_path / "runs"), "stopping.labels=8", "sampler=margin"]
    assert alframe(*words).code == 0
    (folder,) = (file.parent for file in tmp_path.glob("runs/*/done.json"))
    done = ends(tmp_path / "runs")
    hold = (
        "import filelock, sys, time; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); "
        "print(1, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", hold, str(folder / ".lock")], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline()
        assert "Another alframe process is using" in alframe(*words).err

        monkeypatch.setattr(project.log, "info", lambda *_: holder.kill())  # says that it waits
        finished = alframe(*words, "-m")
        assert holder.wait(10) != 0, "it was waited for"
    assert finished.code == 0, finished.err
    assert ends(tmp_path / "runs") == done, "what the other has done is used"
