"""`alframe compare`: write a page with the learning curves, statistics and figures of finished runs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from alframe.commands import command_line, short_path
from alframe.comparison.runs import ENDED_FOLDER, FoundRuns, Run, read_runs
from alframe.errors import BadParams, StoreError
from alframe.kit.round_folders import count_with_noun
from alframe.loop.session import Session
from alframe.types import Outcome, OutcomeState

log = logging.getLogger(__name__)
REQUIRED_LIBRARIES = ("scikit_posthocs", "statsmodels")
COMPARISON_FOLDER = "comparison"  # of the page, in the folder of the sweep or the project


@dataclass
class Compare:
    """Compare runs, and write a page with figures and tables."""

    read_only = True
    words_are = "sweep"  # words without "=" after the command

    sweep: list[str | Path] | None = None
    out: str | Path | None = None
    baseline: str = "random"
    measure: str = "accuracy"
    goals: list[float] | None = None

    def run(self, session: Session) -> Outcome:
        """Write the page. Raises StoreError for no runs, BadParams for a wrong measure or a missing library."""
        if missing := missing_libraries():
            raise BadParams(missing)
        run_folders = [Path(folder) for folder in self.sweep or ()] or _latest_sweep_or_project(session)
        out = (
            Path(self.out)
            if self.out
            else (run_folders[0] if len(run_folders) == 1 else Path.cwd()) / COMPARISON_FOLDER
        )
        page = write_comparison_page(read_runs(run_folders), run_folders, out, self.baseline, self.measure, self.goals)
        return Outcome(
            OutcomeState.DONE, f"Comparison: {short_path(page)}\nFigures, tables and curves: {short_path(out)}"
        )


def missing_libraries() -> str:
    """Return the missing libraries of a comparison, with the remedy, or "" if all are installed."""
    missing = " and ".join(name for name in REQUIRED_LIBRARIES if find_spec(name) is None)
    return missing and f'A comparison needs {missing}. Install what is missing: pip install "alframe[compare]"'


def write_comparison_page(
    found: FoundRuns,
    run_folders: Sequence[Path],
    out: Path,
    baseline: str = "random",
    measure: str = "accuracy",
    goals: Sequence[float] | None = None,
) -> Path:
    """Write the comparison of runs from these folders into the folder `out`; return the path of the page."""
    from alframe.comparison.curves_table import curves_table
    from alframe.comparison.origin import describe_origin, runs_table
    from alframe.comparison.overall_sections import sections_on_all_data_sets
    from alframe.comparison.page import ComparisonData, write_comparison
    from alframe.comparison.page_parts import MEASURE_TEXTS
    from alframe.comparison.strategies import group_runs

    if measure not in MEASURE_TEXTS:
        raise BadParams(f"measure={measure}: must be one of {', '.join(MEASURE_TEXTS)}.")
    if not all(0 < goal <= 1 for goal in goals or ()):
        raise BadParams(f"goals={goals}: each must be above 0 and up to 1, as 0.9 for 90 %.")
    sets = group_runs(found.runs, baseline)
    if not sets:
        raise StoreError(
            "Nothing can be compared: no strategy was measured at the same number of labels by all seeds. Give runs "
            "with the same settings."
        )
    names = list(dict.fromkeys(name for data in sets for name in data.strategies))
    seeds = sorted({run.seed for run in found.runs})
    strategies = f"{len(names)} {'strategy' if len(names) == 1 else 'strategies'}"
    counts = f"{strategies} over {count_with_noun(len(seeds), 'seed')}"
    summary = f"{counts}, on " + (
        f"{len(sets)} data sets: {'; '.join(data.name for data in sets)}." if len(sets) > 1 else f"{sets[0].name}."
    )
    if names and not any(data.baselines for data in sets):
        summary += f" There is no run of the baseline ({baseline}), so nothing is compared with it."
    log.info(
        "Comparing %s (%s runs). The statistics and the figures take a while.", summary[:-1], f"{len(found.runs):,}"
    )
    data = ComparisonData(
        title=" and ".join(folder.resolve().name for folder in run_folders),
        created=datetime.now(UTC).astimezone(),
        summary=summary,
        left_out=found.left_out,
        sections=sections_on_all_data_sets(
            sets, measure, goals if goals is not None else _choose_goals(found.runs, measure)
        ),
        origin=describe_origin(found.runs, run_folders, {"baseline": baseline, "measure": measure, "goals": goals}),
        runs=runs_table(found.runs),
    )
    try:
        return write_comparison(data, curves_table(found.runs), out)
    except OSError as error:
        raise StoreError(
            f"{out} cannot be written to: {error.strerror or error}. Choose another folder with out=FOLDER."
        ) from error


def _latest_sweep_or_project(session: Session) -> list[Path]:
    """Return the newest sweep that contains the session's project, or else the project. Raises BadParams."""
    if not session.project.has_begun:
        raise BadParams(f"Which runs? Give the folder of a sweep: {command_line('compare', 'sweep=FOLDER')}")
    notes = session.folder.parent.glob(f"sweeps/*/{ENDED_FOLDER}/{session.folder.name}.json")
    newest = max(notes, key=lambda note: note.stat().st_mtime, default=None)
    return [session.folder if newest is None else newest.parents[1]]


def _choose_goals(runs: Sequence[Run], measure: str) -> list[float]:
    """Return up to five values in steps of 5 %, 2 % or 1 %, between the best first value and the best value."""
    values = [[getattr(record.evaluation, measure) for record in run.history] for run in runs]
    lowest, highest = max(row[0] for row in values), max(max(row) for row in values)
    for step in (5, 2, 1):
        goals = [value / 100 for value in range(step, 101, step) if lowest < value / 100 <= highest]
        if goals:
            return goals[-5:]
    return []
