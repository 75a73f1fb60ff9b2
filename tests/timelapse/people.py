"""Campaigns in processes that die, and people who label in Timelapse meanwhile; and what they have entered, booked."""

from __future__ import annotations

import csv
import logging
import os
import random
import signal
import sqlite3
import sys
import traceback
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
from PIL import Image

from alframe.app.api import open_session
from alframe.loop.labels import decide_labels, find_standing_labels
from alframe.store.ledger import Ledger
from tests.loop.campaigns import CONTEXT
from tests.timelapse.database import columns, connected

COLOURS = {"fox": (200, 60, 50), "boar": (60, 160, 70), "deer": (60, 90, 200), "blank": (200, 200, 190)}
TDB = "TimelapseTemplate.tdb"


def trap_images(
    root: Path, each: int, seed: int = 0, suffixes: Sequence[str] = ("jpg", "JPG", "jpg", "jpeg", "png")
) -> dict[str, str]:
    """Pictures of two stations, some of them no `.jpg`; what is in each is to be seen by its colour: id -> species."""
    rng = np.random.default_rng(seed)
    truth = {}
    for number in range(each * len(COLOURS)):
        species = list(COLOURS)[number % len(COLOURS)]
        suffix = suffixes[number % len(suffixes)]
        name = f"{('001', 'Station 2/Süd')[number % 2]}/IMG_{number // 2:03d}.{suffix}"
        pixels = np.clip(np.array(COLOURS[species]) + rng.normal(0, 40, (24, 24, 3)), 0, 255).astype(np.uint8)
        exif = Image.Exif()
        exif[0x010F] = "Reconyx"
        exif.get_ifd(0x8769)[0x9003] = f"2024:05:{1 + number // 60:02d} 10:{number % 60:02d}:00"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / name, exif=exif)
        truth[name] = species
    return truth


def words(images: Path, project: Path, *more: str) -> list[str]:
    """A campaign of four images a round that people label in Timelapse."""
    return [
        *("pool=folder", f"pool.root={images.as_posix()}", "pool.classes=false", "label_source=timelapse"),
        *("backbone=timm", "backbone.model=test_resnet", "backbone.pretrained=false", "backbone.size=32"),
        *("compute.workers=0", "batch=4", "start.labels=4", "stopping=null", "audit=0", "exporter=[]", "tracker=[]"),
        f"project={project.as_posix()}",
        *more,
    ]


def _campaign(overrides: list[str], log: str) -> None:
    """One run in a process of its own; whatever it says goes to `log`."""
    with Path(log).open("a", encoding="utf-8") as handle:
        sys.stdout = sys.stderr = handle
        handler = logging.StreamHandler(handle)
        logging.getLogger("alframe").addHandler(handler)
        try:
            import torch

            torch.set_num_threads(1)
            with open_session(*overrides) as session:
                outcome = session.task_to_run.run(session)
            handle.write(f"\n[{outcome.state.name}] {outcome.message}\n")
        except BaseException:
            traceback.print_exc(file=handle)
            raise
        finally:
            handle.flush()


@dataclass
class Campaign:
    """A project whose runs are processes; `log` keeps what the last one said."""

    overrides: list[str]
    project: Path
    dice: random.Random = field(default_factory=lambda: random.Random(1))
    kills: int = 0
    seconds: float = 1.0  # a whole run takes about that long

    @property
    def log(self) -> Path:
        return self.project.with_suffix(".log")

    def start(self, *more: str) -> BaseProcess:
        self.log.write_text("")
        process = CONTEXT.Process(target=_campaign, args=([*self.overrides, *more], str(self.log)))
        process.start()
        return process

    def kill(self, *more: str) -> None:
        """Begin a run and kill it (-9) at a random moment, unless it is faster."""
        process = self.start(*more)
        process.join(self.dice.uniform(0.0, self.seconds))
        if process.is_alive():
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            self.kills += 1
        assert process.exitcode in (0, -signal.SIGKILL), self.log.read_text()

    def run(self, *more: str) -> str:
        """A whole run, and what it said."""
        process = self.start(*more)
        process.join(120)
        said = self.log.read_text("utf-8")
        assert process.exitcode == 0, said
        assert "Traceback" not in said, said
        return said

    def folder(self, number: int) -> Path:
        return self.project / "to_label" / f"round-{number:03d}"

    def rounds(self) -> int:
        return sum(1 for _ in (self.project / "to_label").glob("round-*"))

    def told(self) -> list[tuple[str, str, int, str, bool]]:
        """Every label the ledger has ever held: item, class, round, annotator, taken back."""
        with closing(sqlite3.connect(self.project / "ledger.sqlite")) as data:
            return [
                (item, name, number, who, bool(back))
                for item, name, number, who, back in data.execute(
                    "SELECT item.id, class, round, annotator, taken_back FROM label "
                    "JOIN item ON item.key = label.item ORDER BY n"
                )
            ]

    def standing(self) -> dict[tuple[str, int], set[tuple[str, str]]]:
        """What the ledger holds each round to have said of each image: classes with their annotators."""
        with closing(sqlite3.connect(self.project / "ledger.sqlite")) as data:
            rows = data.execute(
                "SELECT item.id, round, class, annotator, taken_back, coalesce(word, n) FROM label "
                "JOIN item ON item.key = label.item ORDER BY n"
            ).fetchall()
        last = {(item, number): word for item, number, _, _, _, word in rows}
        result = defaultdict(set)
        for item, number, name, who, back, word in rows:
            if last[item, number] == word and not back:
                result[item, number].add((name, who))
        return dict(result)

    def counted(self, conflicts: str = "ask") -> dict[str, str]:
        """The label that counts of each image."""
        with Ledger.open(self.project, read_only=True) as ledger:
            items = ledger.items()
            labels = decide_labels(find_standing_labels(ledger.stored_labels()), conflicts)
            return {items[label.item].id: label.class_name for label in labels.counted}


def sets(campaign: Campaign, annotators: Iterable[str] = ()) -> dict[tuple[int, str], Path]:
    """The template of every round and annotator."""
    people = list(annotators) or [""]
    return {
        (number, who): campaign.folder(number) / who / TDB
        for number in range(1, campaign.rounds() + 1)
        for who in people
        if (campaign.folder(number) / who / TDB).exists()
    }


def entered(tdb: Path) -> dict[str, list[str]]:
    """What stands in the data file beside a template: each image's species, one for every record; "" for none."""
    files = list(tdb.parent.glob("*.ddb"))
    if not files:
        return {}
    (ddb,) = files
    result: dict[str, list[str]] = defaultdict(list)
    with connected(ddb) as data:
        new = "NewSpecies" if "NewSpecies" in columns(data, "DataTable") else "''"
        for folder, name, species, typed in data.execute(f"SELECT RelativePath, File, Species, {new} FROM DataTable"):
            result["/".join(filter(None, (*folder.split("\\"), name)))].append(species or typed)
    return dict(result)


def manifest(campaign: Campaign, number: int) -> dict[str, str]:
    """Place in the set -> the image's id."""
    return manifest_of(campaign.folder(number))


def manifest_of(folder: Path) -> dict[str, str]:
    with (folder / "manifest.csv").open(encoding="utf-8-sig", newline="") as handle:
        return {row["name"]: row["id"] for row in csv.DictReader(handle)}
