"""Write notes on the runs of a sweep, and at its end a table with means over seeds and intervals.

A note has the name of its run. If the run is repeated, the same note is written again. So a sweep that was killed and
started again, or that runs twice at once in one folder, ends with the same table.
"""

from __future__ import annotations

import hashlib
import logging
import sys
import tempfile
from collections.abc import Iterable, Sequence
from functools import cache
from multiprocessing import current_process
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from alframe.app.overrides import Override
from alframe.app.shared_composition import share_composition
from alframe.commands import command_line
from alframe.comparison.runs import ENDED_FOLDER, FAILED_FOLDER, FoundRuns, read_sweep_notes
from alframe.data.parent_watch import end_with_parent
from alframe.errors import AlframeError
from alframe.store.files import remove_file, write_json

log = logging.getLogger(__name__)

DEFAULT_EXPORTERS = {"predictions", "model"}  # of conf/config.yaml

_running_sweeps: list[
    tuple[Path, float]
] = []  # the folder of the sweep that has begun, and when, until its results are told


class SweepSummary(Callback):
    """A callback that remembers the sweep's folder, and writes a note there about each run that failed."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Remember the sweep's folder, so that its results are printed at the end, and compose for all jobs at once."""
        folder = Path(config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as now:  # by the clock of the drive that the notes will be on
            _running_sweeps.append((folder, Path(now.name).stat().st_mtime))
        share_composition()
        from alframe.tasks.compare import missing_libraries

        if missing := missing_libraries():
            log.warning("%s. The runs do not need it; the page that compares them does.", missing)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Write a note about a job that has just failed."""
        from hydra.types import RunMode

        if config.hydra.mode is RunMode.MULTIRUN and job_return.status is not JobStatus.COMPLETED:
            # Hydra itself tells of the first failure only, and not before the last job has ended.
            log.error("Run #%d failed: %s", config.hydra.job.num, job_return._return_value)
            words = list(config.hydra.overrides.task)
            write_json(_failed_note_file(Path(config.hydra.sweep.dir), words), {"overrides": words})


@cache
def end_worker_with_sweep() -> None:
    """End this process when the process of the sweep ends, if this process is a worker of the launcher joblib.

    Otherwise the workers of a killed sweep would continue with its jobs.
    """
    if current_process().name != "MainProcess":
        end_with_parent()


def chooses_exporters(words: Sequence[str], exporters: Iterable[str]) -> bool:
    """Return whether the `words` of the command, or an experiment, have chosen the `exporters`.

    Otherwise the runs of a sweep export nothing, because to write and check a model takes longer than a run.
    """
    is_named = any(override.kind == "exporter" for override in map(Override.read, words) if override is not None)
    return is_named or set(exporters) != DEFAULT_EXPORTERS


def write_run_note(sweep: Path, folder: Path, words: Sequence[str], failures: Sequence[str]) -> None:
    """Note that the run in `folder` has ended, and which steps failed (`failures`)."""
    varied = [word for word in words if not word.startswith(("project=", "task="))]
    note = {"folder": str(folder), "overrides": varied, "failures": list(failures)}
    write_json(sweep / ENDED_FOLDER / f"{folder.name}.json", note)
    remove_file(_failed_note_file(sweep, words))


def _failed_note_file(sweep: Path, words: Sequence[str]) -> Path:
    return sweep / FAILED_FOLDER / f"{hashlib.blake2b(repr(list(words)).encode(), digest_size=8).hexdigest()}.json"


def print_sweep_results() -> bool:
    """Print the table of the sweep that has just ended, if any. Return whether all steps of all runs succeeded.

    This is not done in `on_multirun_end`, which Hydra skips when a job has failed.
    """
    is_complete = True
    while _running_sweeps:
        is_complete &= _print_sweep(*_running_sweeps.pop())
    return is_complete


def _print_sweep(folder: Path, start: float) -> bool:
    from alframe.comparison.curves_table import curves_table, write_curve_tables
    from alframe.comparison.runs import read_runs
    from alframe.tasks.sweep_table import sweep_table

    # Those of an earlier sweep in the same folder were another command's.
    failed = sum(file.stat().st_mtime >= start for file in (folder / FAILED_FOLDER).glob("*.json"))
    notes = read_sweep_notes(folder, ENDED_FOLDER)
    if not notes:
        return True
    try:
        found = read_runs([folder])
    except AlframeError as error:
        sys.stdout.write(f"\n{error}\n")
        return True
    files = write_curve_tables(curves_table(found.runs), folder)
    lines = ["", sweep_table(found.runs)]
    if failed:
        lines.append(f"{failed} of {failed + len(notes)} runs failed and are excluded; see their messages above.")
    incomplete = [note for note in notes if note.get("failures")]
    if incomplete:
        lines.append(f"{len(incomplete)} of {len(notes)} runs are included, but some of their steps failed:")
        lines += sorted({failure for note in incomplete for failure in note["failures"]})
    lines.append(f"The curves of all runs: {' and '.join(map(str, files))}")
    lines.append(_write_comparison(found, folder))
    sys.stdout.write("\n".join([*lines, ""]))
    return not incomplete


def _write_comparison(found_runs: FoundRuns, folder: Path) -> str:
    """Write the page that compares the runs into the sweep's folder. Return a sentence for the user."""
    from alframe.tasks.compare import COMPARISON_FOLDER, missing_libraries, write_comparison_page

    if missing := missing_libraries():
        return f"{missing}, then: {command_line('compare', str(folder))}"
    try:
        return f"The comparison on one page: {write_comparison_page(found_runs, [folder], folder / COMPARISON_FOLDER)}"
    except AlframeError as error:
        return str(error)
