"""After a sweep: the runs side by side, as means over seeds with intervals."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from alframe.store.files import replacing, write_json


class SweepSummary(Callback):
    """Each job leaves a note of its project folder; the end of the sweep reads their ledgers."""

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        from hydra.types import RunMode

        from alframe.app.session_from import session_from

        if config.hydra.mode is not RunMode.MULTIRUN or job_return.status.name != "COMPLETED":
            return
        session = session_from(config, Path(config.hydra.runtime.cwd), sweep=True)
        words = [word for word in config.hydra.overrides.task if not word.startswith(("project=", "task="))]
        note = {"folder": str(session.folder), "overrides": list(words)}
        write_json(Path(config.hydra.sweep.dir) / "jobs" / f"{config.hydra.job.num:05d}.json", note)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        from alframe.tasks.sweep_table import Job, sweep_curves, sweep_table

        folder = Path(config.hydra.sweep.dir)
        notes = [json.loads(file.read_text(encoding="utf-8")) for file in sorted((folder / "jobs").glob("*.json"))]
        jobs = [Job(Path(note["folder"]), tuple(note["overrides"])) for note in notes]
        if not jobs:
            return
        file = folder / "curves.csv"
        with replacing(file) as temporary:
            sweep_curves(jobs).to_csv(temporary, index=False)
        sys.stdout.write(f"\n{sweep_table(jobs)}\nEvery run's curve: {file}\n")
