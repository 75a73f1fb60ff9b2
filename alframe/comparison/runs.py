"""Read runs from the folders of sweeps and of projects."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alframe.commands import short_path
from alframe.comparison.choices import run_choices
from alframe.errors import StoreError
from alframe.loop.labels import find_standing_labels
from alframe.progress import track
from alframe.store.events import RequestEnvironment
from alframe.store.ledger import LEDGER_NAME, Ledger
from alframe.types import UNSURE, RoundRecord

ENDED_FOLDER, FAILED_FOLDER = "jobs", "failed"  # of a sweep: notes on the runs that ended, and on those that failed
DONE_NAME = "done.json"  # in a project that has ended


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its seed, its choices by full name, and the record of each evaluated round.

    `class_counts` has the number of labels of each class after each record's round, by the present labels.
    `pool_classes` are the classes that the pool itself gives. `items_digest` is a digest of the images' ids, classes
    and split: runs with the same digest are measured on the same images. `images_digest` is a digest of the ids and
    classes. `versions` are the versions of the packages. `origin` has other facts about the latest round (see
    RequestEnvironment); it is empty in old projects.
    """

    folder: Path
    seed: int
    choices: Mapping[str, object]
    history: Sequence[RoundRecord]
    class_counts: Sequence[Mapping[str, int]]
    pool_classes: frozenset[str]
    items_digest: str
    versions: Mapping[str, str]
    origin: Mapping[str, str]
    images_digest: str = ""


@dataclass(frozen=True, slots=True)
class FoundRuns:
    """The runs of some folders, and sentences about the runs that are left out."""

    runs: Sequence[Run]
    left_out: Sequence[str] = field(default=())


def read_runs(places: Sequence[Path]) -> FoundRuns:
    """Read the runs of each place: a sweep's folder, a project, or a folder of projects. Raises StoreError if none.

    If the place is a project, the runs of its comparison (`compare`) are read too. In a folder of projects, only
    projects that have ended count.
    """
    folders: dict[Path, None] = {}
    left_out: list[str] = []
    for place in places:
        found, reasons = _find_folders(place)
        folders |= dict.fromkeys(folder.resolve() for folder in found)
        left_out += reasons
    runs = []
    for folder in track(folders, "Reading runs", unit="run"):
        run = read_measured_run(folder)
        if run is None:
            left_out.append(f"{short_path(folder)}: the run has no measured round.")
        else:
            runs.append(run)
    if not runs:
        where = ", ".join(map(short_path, places))
        raise StoreError(
            "\n".join(
                [f"No run with a measured round is in {where}. Give the folder of a sweep or a project.", *left_out]
            )
        )
    return FoundRuns(runs, left_out)


def _find_folders(place: Path) -> tuple[list[Path], list[str]]:
    """Return the folders of the runs of one place, and sentences about the runs that are left out."""
    if not place.is_dir():
        raise StoreError(f"There is no folder {short_path(place)}. Correct the path.")
    if (place / ENDED_FOLDER).is_dir() or (place / FAILED_FOLDER).is_dir():
        return _find_runs_of_sweep(place)
    if (place / LEDGER_NAME).exists():
        return [place, *sorted(file.parent for file in place.glob(f"compare/*/{LEDGER_NAME}"))], []
    projects = sorted(file.parent for file in place.glob(f"*/{LEDGER_NAME}"))
    ended = [folder for folder in projects if (folder / DONE_NAME).exists()]
    return ended, [f"{short_path(folder)}: the run has not ended." for folder in projects if folder not in ended]


def _find_runs_of_sweep(sweep: Path) -> tuple[list[Path], list[str]]:
    folders, left_out = [], []
    for note in read_sweep_notes(sweep, ENDED_FOLDER):
        folder = Path(note["folder"])
        # A sweep that was moved or copied as a whole: its runs still lie beside the folder of the sweeps.
        places = (folder, sweep.resolve().parents[1] / folder.name)
        here = next((each for each in places if (each / LEDGER_NAME).exists()), None)
        if here is None:
            left_out.append(f"{short_path(folder)}: the run's folder does not exist any more.")
        else:
            folders.append(here)
    failed = [" ".join(note["overrides"]) for note in read_sweep_notes(sweep, FAILED_FOLDER)]
    return folders, [*left_out, *(f"{words}: it failed." for words in failed)]


def read_sweep_notes(sweep: Path, kind: str) -> list[dict[str, Any]]:
    """Return the notes of this kind (ENDED_FOLDER, FAILED_FOLDER) that a sweep has left in its folder."""
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted((sweep / kind).glob("*.json"))]


def read_measured_run(folder: Path) -> Run | None:
    """Read one run; None if it has no measured round. Raises StoreError."""
    with Ledger.open(folder, read_only=True) as ledger:
        history, config = (
            [record for record in ledger.history() if record.evaluation is not None],
            ledger.latest_config(),
        )
        if not history or config is None:
            return None
        items = ledger.raw_rows("item", ["id", "label", "split"])
        return Run(
            folder=folder,
            seed=int(config["settings"]["seed"]),
            choices=run_choices(config),
            history=history,
            class_counts=_count_classes(ledger, history),
            pool_classes=frozenset(label for _, label, split in items if label is not None and split == "pool"),
            items_digest=_digest(items),
            versions=ledger.package_versions(),
            origin=_describe_origin(ledger),
            images_digest=_digest((id_, label) for id_, label, _ in items),
        )


def _digest(rows: Iterable[object]) -> str:
    return hashlib.blake2b(repr(sorted(rows, key=str)).encode(), digest_size=8).hexdigest()


def _describe_origin(ledger: Ledger) -> dict[str, str]:
    events = ledger.events_of(RequestEnvironment)
    if not events:
        return {}
    made = events[-1][1]
    return {
        "python": made.python,
        "system": f"{made.system}, {made.processors} processors",
        "git": made.git or "no repository",
        "alframe's git": made.alframe_git or "no repository",
        "data": made.data,
    }


def _count_classes(ledger: Ledger, history: Sequence[RoundRecord]) -> list[Mapping[str, int]]:
    """Return how many labels each class has after each record's round."""
    classes = {
        label.item: label.class_name
        for label in find_standing_labels(ledger.stored_labels())
        if label.round is not None and label.class_name != UNSURE
    }
    counts: Counter[str] = Counter()
    by_round: dict[int, Mapping[str, int]] = {0: {}}
    for request in ledger.stored_rounds():
        counts.update(classes.pop(key) for key in request.keys if key in classes)  # each once, though asked again
        by_round[request.number] = dict(counts)
    return [by_round.get(record.round, {}) for record in history]
