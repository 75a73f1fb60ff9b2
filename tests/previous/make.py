"""Make the projects in this folder with the alframe that is installed, to keep as data for later versions.

Run it with the version whose projects are to be kept: ``python tests/previous/make.py``. Each project is stopped half
way and copied here; then the same version goes on to the end, and `expected.json` says what it asked for.
"""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from alframe.testing import tiny_pool

HERE = Path(__file__).parent
POOL = "/POOL"  # stands for the pool's folder in what is kept
SMALL = ["backbone=timm", "backbone.model=test_resnet", "backbone.pretrained=false", "backbone.size=32"]
ANSWERED = 3  # rounds, when a project is half way
ROUNDS = 6


def people_words(pool: Path) -> list[str]:
    """Words of a campaign that people label: sequences, propagation, an audit, near-duplicates, k-center."""
    return [
        *("pool=csv", f"pool.file={(pool / 'list.csv').as_posix()}", f"pool.root={pool.as_posix()}"),
        *("pool.camera_column=camera", "pool.time_column=time", "label_source=csv", "sampler=kcenter"),
        *("propagate=true", "duplicates.by=hash", "batch=6", "start.labels=6", "compute.workers=0", *SMALL),
    ]


def simulation_words(pool: Path, labels: int) -> list[str]:
    """Words of a simulation with an adaptive sampler and a comparison over two seeds."""
    return [
        *("pool=folder", f"pool.root={pool.as_posix()}", "pool.classes=true", "sampler=adaptive", "head=mlp"),
        *("head.epochs=20", "batch=4", "start.labels=4", f"stopping.labels={labels}", "compute.workers=0"),
        *("compare.seeds=2", "seed=3", *SMALL),
    ]


def write_pool(root: Path) -> Path:
    """A pool of 48 images in 3 classes, and a list of them with cameras and times: bursts of three."""
    tiny_pool(root, classes=3, each=16, seed=5)
    with (root / "list.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["path", "camera", "time"])
        for label in range(3):
            for number in range(16):
                time = f"2026-05-{1 + number // 3:02d} 08:{number % 3:02d}:00"
                writer.writerow([f"class_{label}/{number:03d}.png", f"cam{label}", time])
    return root


def answer(project: Path, number: int) -> None:
    """Label a round as people would: the class is the folder's name, and of every seventh image nobody can tell."""
    file = project / "to_label" / f"round-{number:03d}" / "to_label.csv"
    with file.open(newline="", encoding="utf-8-sig") as handle:
        rows = list(csv.DictReader(handle))
    for at, row in enumerate(rows):
        row["label"] = "unsure" if (at + number) % 7 == 6 else row["path"].partition("/")[0]
    with file.open("w", newline="", encoding="utf-8-sig") as handle:
        writer = csv.DictWriter(handle, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def alframe(*words: str) -> None:
    """Run one command, quietly."""
    subprocess.run([sys.executable, "-m", "alframe", *words], check=True, capture_output=True)


def asked(folder: Path) -> list[list[int]]:
    """The keys of each round of a project, in their order."""
    from alframe.store.ledger import Ledger

    with Ledger.open(folder) as ledger:  # not only to read: that of an earlier version is brought up to date
        return [list(one.keys) for one in ledger.stored_rounds()]


def all_asked(folder: Path) -> dict[str, list[list[int]]]:
    """Those of a project and of each run of its comparison."""
    runs = {"": folder} | {found.parent.name: found.parent for found in sorted(folder.glob("compare/*/ledger.sqlite"))}
    return {name: asked(place) for name, place in runs.items()}


def keep(project: Path, name: str) -> None:
    """Copy a project here, without locks and models."""
    shutil.rmtree(HERE / name, ignore_errors=True)
    ignored = shutil.ignore_patterns("*.lock", ".lock", "export", "*.log", "report.html", "*-wal", "*-shm")
    shutil.copytree(project, HERE / name, ignore=ignored)
    moved(HERE / name, project.parent / "pool", Path(POOL))


def moved(project: Path, old: Path, new: Path) -> None:
    """Replace the pool's folder in a project's choices and ledgers, as if it had been begun with the `new` one."""
    choices = project / "alframe.yaml"
    text = choices.read_text(encoding="utf-8").replace(old.as_posix(), new.as_posix())
    choices.write_text(text, encoding="utf-8")
    for file in project.rglob("ledger.sqlite"):
        with closing(sqlite3.connect(file)) as db, db:
            triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for trigger, _ in triggers:
                db.execute(f"DROP TRIGGER {trigger}")
            for table, column in (("round", "config"), ("item", "path"), ("label", "file")):
                db.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(old), str(new)))
            for _, sql in triggers:
                db.execute(sql)


def main() -> None:
    """Make both projects."""
    expected = {}
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        pool = write_pool(root / "pool")
        people = root / "people"
        alframe(f"project={people.as_posix()}", *people_words(pool))
        for number in range(1, ROUNDS):
            answer(people, number)
            alframe(f"project={people.as_posix()}")
            if number == ANSWERED:
                keep(people, "people")
        expected["people"] = all_asked(people)
        simulation = root / "simulation"
        alframe(f"project={simulation.as_posix()}", *simulation_words(pool, 16))
        keep(simulation, "simulation")
        alframe(f"project={simulation.as_posix()}", *simulation_words(pool, 28))
        expected["simulation"] = all_asked(simulation)
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
