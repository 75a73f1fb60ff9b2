"""Run the multiruns, two or more at a time, and collect the results from their ledgers."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from alframe.progress import Bar
from alframe.store.ledger import LEDGER_NAME, Ledger
from alframe.types import RoundRecord
from benchmarks.curves.plan import Recipe, Sweep

SCALE = 10_000  # measures are kept as whole numbers of these parts
MEASURES = ("accuracy", "macro_f1")


def run_all(sweeps: Sequence[Sweep], runs: Path, workers: int) -> None:
    """Run the missing parts of the sweeps. Their output goes to ``logs`` below `runs`.

    Failed runs are named there, and are missing in the results. First, one run of each set makes the embeddings, so
    that no two processes embed the same images.
    """
    sweeps = [sweep for sweep in sweeps if len(dict(_done(sweep, runs))) < sweep.runs]
    (runs / "logs").mkdir(parents=True, exist_ok=True)
    firsts = {
        sweep.images.name: replace(sweep, recipes=sweep.recipes[:1], seeds=sweep.seeds[:1])
        for sweep in reversed(sweeps)
    }
    total = sum(sweep.runs for sweep in (*firsts.values(), *sweeps))
    with Bar("Running", total=total, unit="run") as bar:
        for some in (list(firsts.values()), sweeps):
            pool = ThreadPoolExecutor(workers)
            try:
                for done in [pool.submit(_run, sweep, runs, bar.advance) for sweep in some]:
                    done.result()
            finally:
                pool.shutdown(cancel_futures=True)


def _run(sweep: Sweep, runs: Path, advance: Callable[[], None]) -> None:
    command = [sys.executable, "-m", "alframe", "-m", *sweep.words(runs)]
    # One thread for each process: several processes share the cores already.
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    with (
        (runs / "logs" / f"{sweep.name}.txt").open("w", 1, encoding="utf-8") as log,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            if line.startswith("\t#"):  # Hydra's word on each run that begins
                advance()


def gather(sweeps: Sequence[Sweep], runs: Path) -> tuple[dict[str, Any], list[str]]:
    """Return all results of one set as plain data, and the missing runs.

    A recipe is left out if not all of its seeds are there.
    """
    images = sweeps[0].images
    folders = {(sweep.kind, *key): folder for sweep in sweeps for key, folder in _done(sweep, runs)}
    wanted: dict[tuple[str, Recipe], list[int]] = {}
    for sweep in sweeps:
        for recipe in sweep.recipes:
            wanted.setdefault((sweep.kind, recipe), []).extend(sweep.seeds)
    found: dict[str, dict[Recipe, list[list[RoundRecord]]]] = {"compared": {}, "longer": {}, "ceiling": {}}
    missing = []
    for (kind, recipe), seeds in wanted.items():
        histories = [_history(folders.get((kind, recipe, seed))) for seed in sorted(seeds)]
        lacking = [str(seed) for seed, history in zip(sorted(seeds), histories, strict=True) if not history]
        if lacking:
            missing.append(f"{images.name}, {kind}, {recipe}: seeds {', '.join(lacking)}")
        else:
            found[kind][recipe] = histories
    some = next(iter(found["compared"].values()), [])
    evaluation = some[0][-1].evaluation if some else None
    return {
        "about": images.about,
        "pool": images.size,
        "test": evaluation.n if evaluation else 0,
        "classes": len(evaluation.classes) if evaluation else 0,
        "batch": images.batch,
        "budget": images.budget,
        "ceilings": {recipe.head: _measured(histories) for recipe, histories in found["ceiling"].items()},
        "longer": {recipe.head: _measured(histories) for recipe, histories in found["longer"].items()},
        "compared": {str(recipe): _measured(histories) for recipe, histories in found["compared"].items()},
    }, missing


def _done(sweep: Sweep, runs: Path) -> Iterator[tuple[tuple[Recipe, int], Path]]:
    """Return the recipe, seed and folder of each successful run, from the notes in the folder of the sweep."""
    for file in sorted((sweep.folder(runs) / "jobs").glob("*.json")):
        note = json.loads(file.read_text(encoding="utf-8"))
        seed = next(int(word.removeprefix("seed=")) for word in note["overrides"] if word.startswith("seed="))
        if (Path(note["folder"]) / LEDGER_NAME).exists():
            yield (Recipe.of(note["overrides"]), seed), Path(note["folder"])


def _history(folder: Path | None) -> list[RoundRecord]:
    if folder is None:
        return []
    with Ledger.open(folder, read_only=True) as ledger:
        return [record for record in ledger.history() if record.evaluation is not None]


def _measured(histories: Sequence[Sequence[RoundRecord]]) -> dict[str, Any]:
    """Return one row per seed at the numbers of labels that all seeds have, and median seconds of two phases."""
    counts = [[record.labels for record in history] for history in histories]
    labels = sorted(set.intersection(*map(set, counts)))
    rows = [[record for record in history if record.labels in labels] for history in histories]
    result: dict[str, Any] = {"labels": labels}
    for measure in MEASURES:
        result[measure] = [[round(SCALE * getattr(record.evaluation, measure)) for record in row] for row in rows]
    # A record has the seconds since the one before it, so the first has the choice of the first labels.
    later = [record for history in histories for record in history[1:]]
    for phase in ("head", "selection") if later else ():
        result[phase] = round(statistics.median(record.seconds.get(phase, 0.0) for record in later), 3)
    return result
