"""After a sweep: the runs side by side, as means over seeds with intervals."""

from __future__ import annotations

import json
import logging
import shutil
import sys
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from alframe.store.files import replace_atomically, write_json

log = logging.getLogger(__name__)

_under_way: list[Path] = []  # the folder of the sweep that has begun, until its results are printed


_NOTES = ("jobs", "failed")


class SweepSummary(Callback):
    """Callback that leaves a note about each job in the sweep's folder: its project folder, or that it failed."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Remember the sweep's folder, so that its results are printed at the end; forget an earlier sweep in it."""
        folder = Path(config.hydra.sweep.dir)
        for notes in _NOTES:
            shutil.rmtree(folder / notes, ignore_errors=True)
        _under_way.append(folder)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Write the note about the job that has just ended."""
        from hydra.types import RunMode

        from alframe.app.session_from import session_from

        if config.hydra.mode is not RunMode.MULTIRUN:
            return
        if job_return.status is not JobStatus.COMPLETED:
            # Hydra itself tells of the first failure only, and not before the last job has ended.
            log.error("Run #%d failed: %s", config.hydra.job.num, job_return._return_value)
            write_json(_note_file(config, "failed"), {"overrides": list(config.hydra.overrides.task)})
            return
        session = session_from(config, Path(config.hydra.runtime.cwd), sweep=True)
        words = [word for word in config.hydra.overrides.task if not word.startswith(("project=", "task="))]
        write_json(_note_file(config, "jobs"), {"folder": str(session.folder), "overrides": words})


def _note_file(config: DictConfig, folder: str) -> Path:
    return Path(config.hydra.sweep.dir) / folder / f"{config.hydra.job.num:05d}.json"


def print_results() -> None:
    """Print the table of the sweep that has just ended, if there is one, and write its curves.

    Not in `on_multirun_end`, which Hydra skips when a job has failed: the other results still count.
    """
    while _under_way:
        _print_sweep(_under_way.pop())


def _print_sweep(folder: Path) -> None:
    from alframe.tasks.sweep_table import Job, sweep_curves, sweep_table

    notes = [json.loads(file.read_text(encoding="utf-8")) for file in sorted((folder / "jobs").glob("*.json"))]
    # Two jobs of the same settings are one run.
    jobs = [Job(Path(folder), tuple(words)) for folder, words in {n["folder"]: n["overrides"] for n in notes}.items()]
    if not jobs:
        return
    file = folder / "curves.csv"
    with replace_atomically(file) as temporary:
        sweep_curves(jobs).to_csv(temporary, index=False)
    failed = len(list((folder / "failed").glob("*.json")))
    gaps = f"{failed} of {failed + len(jobs)} runs failed and are excluded; see their messages above.\n" * bool(failed)
    sys.stdout.write(f"\n{sweep_table(jobs)}\n{gaps}Every run's curve: {file}\n")
