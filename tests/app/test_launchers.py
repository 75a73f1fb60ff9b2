"""Sweeps by the launchers and the sweeper that are packages of their own: what one process does alone is expected."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from alframe.comparison.runs import ENDED_FOLDER, FAILED_FOLDER, read_measured_run, read_sweep_notes
from alframe.engine.measuring.curves import area_under_curve
from alframe.testing.tiny import tiny_overrides
from tests.app.test_same_selections import selections
from tests.app.test_sweeps import ends, table_of

pytestmark = pytest.mark.slow
LAUNCHERS = {
    "joblib": ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
    "submitit_local": ["hydra/launcher=submitit_local"],
    "submitit_slurm": ["hydra/launcher=submitit_slurm", "hydra.launcher.timeout_min=10", "hydra.launcher.mem_gb=2"],
    "ray": ["hydra/launcher=ray"],
}


def skip_without(plugin: str, extra: str) -> None:
    if find_spec("hydra_plugins") is None or find_spec(f"hydra_plugins.{plugin}") is None:
        pytest.skip(f"pip install 'alframe[{extra}]'")


def need_launcher(name: str) -> None:
    package = name.partition("_")[0]
    skip_without(f"hydra_{package}_launcher", {"joblib": "sweep"}.get(package, package))
    if name == "submitit_slurm" and (
        shutil.which("sinfo") is None or subprocess.run(["sinfo"], capture_output=True).returncode
    ):
        pytest.skip("there is no Slurm here")


def command(pool: Path, runs: Path, *words: str) -> list[str]:
    own = [*tiny_overrides(pool, runs), "head=linear", "stopping.labels=8", f"hydra.sweep.dir={runs / 'sweep'}"]
    return [sys.executable, "-m", "alframe", "-m", *own, *words]


def sweep(pool: Path, runs: Path, *words: str) -> subprocess.CompletedProcess[str]:
    runs.mkdir(exist_ok=True)
    return subprocess.run(command(pool, runs, *words), cwd=runs, capture_output=True, text=True, timeout=900)


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_launcher_does_what_one_process_does_and_a_failing_job_costs_only_itself(
    launcher: str, pool: Path, tmp_path: Path
) -> None:
    need_launcher(launcher)
    axes = "sampler=margin,bald", "seed=0,1"
    plain = sweep(pool, tmp_path / "plain", *axes)
    other = sweep(pool, tmp_path / "other", *axes, *LAUNCHERS[launcher])
    assert (plain.returncode, other.returncode) == (1, 1), other.stderr
    assert len(ends(tmp_path / "plain")) == 2
    assert selections(tmp_path / "other") == selections(tmp_path / "plain")
    assert table_of(other.stdout) == table_of(plain.stdout)
    assert "2 of 4 runs failed and are excluded" in other.stdout
    assert "Traceback" not in other.stderr
    assert len(read_sweep_notes(tmp_path / "other" / "sweep", FAILED_FOLDER)) == 2


def test_a_sweep_with_joblib_that_is_killed_is_resumed(pool: Path, tmp_path: Path) -> None:
    need_launcher("joblib")
    axes = "sampler=margin,random", "seed=0,1,2", *LAUNCHERS["joblib"]
    whole = sweep(pool, tmp_path / "whole", *axes[:2])
    assert whole.returncode == 0, whole.stderr
    runs = tmp_path / "runs"
    runs.mkdir()
    first = subprocess.Popen(command(pool, runs, *axes), cwd=runs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 600
    while not ends(runs) and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(first.pid, signal.SIGKILL)  # its workers may live on for a while, and hold what they work on
    first.wait()
    assert len(read_sweep_notes(runs / "sweep", ENDED_FOLDER)) < 6, "it was killed before the end"
    resumed, twice = sweep(pool, runs, *axes), sweep(pool, runs, *axes)
    assert resumed.returncode == twice.returncode == 0, resumed.stderr
    assert table_of(resumed.stdout) == table_of(twice.stdout) == table_of(whole.stdout)
    assert selections(runs) == selections(tmp_path / "whole")


def test_two_sweeps_with_joblib_at_once_end_with_the_same_table(pool: Path, tmp_path: Path) -> None:
    need_launcher("joblib")
    words = command(pool, tmp_path, "sampler=margin,random", "seed=0,1", *LAUNCHERS["joblib"])
    both = [subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    tables = [table_of(process.communicate(timeout=900)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert tables[0] == tables[1]
    assert len(ends(tmp_path)) == 4


def test_optuna_optimises_the_area_under_the_curve(pool: Path, tmp_path: Path) -> None:
    skip_without("hydra_optuna_sweeper", "optuna")
    options = "hydra/sweeper=optuna", "hydra.sweeper.direction=maximize", "hydra.sweeper.n_trials=4"
    seeds = "hydra.sweeper.n_jobs=2", "hydra.sweeper.sampler.seed=1"
    done = sweep(pool, tmp_path / "a", *options, *seeds, "sampler=choice(margin,random)", "head.c=interval(0.01,10)")
    assert done.returncode == 0, done.stderr
    found = yaml.safe_load((tmp_path / "a" / "sweep" / "optimization_results.yaml").read_text(encoding="utf-8"))
    runs = [read_measured_run(file.parent) for file in (tmp_path / "a").glob("*/done.json")]
    best = max((run for run in runs if run is not None), key=lambda run: area_under_curve(run.history) or 0.0)
    assert len(runs) == 4
    assert found["best_value"] == pytest.approx(area_under_curve(best.history))
    assert found["best_params"].keys() == {"sampler", "++head.c"}
