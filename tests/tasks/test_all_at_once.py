"""A pool in which all goes wrong at once, through the command line: every label, box and time is right or named."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import pytest
from PIL import Image

from alframe.app.api import open_session
from alframe.pools import folder as folder_pool
from alframe.store.ledger import Ledger
from tests.command_line import CommandLine, alframe
from tests.sheets import read_rows, write_rows

__all__ = ["alframe"]

SPRING, STILL = datetime(2024, 5, 1, 6), datetime(2000, 1, 1)
WIDTH, HEIGHT = 96, 64
STORED = (60, 8, 84, 40)  # left, top, right and bottom of the animal in the stored picture
COLOURS = {"fox": (210, 90, 40), "hare": (90, 190, 90), "red deer": (60, 90, 210)}
# The same box, in fractions of the picture that EXIF turns.
UPRIGHT = {
    1: (60 / 96, 8 / 64, 24 / 96, 32 / 64),
    3: (12 / 96, 24 / 64, 24 / 96, 32 / 64),
    6: (24 / 64, 60 / 96, 32 / 64, 24 / 96),
    8: (8 / 64, 12 / 96, 32 / 64, 24 / 96),
}
NAMED = (
    "1 HEIC picture.",
    "1 detections are skipped, e.g. annotations[40] ('D:/season 2024/card A/DCIM/IMG_0000.JPG')",
    "alframe replaces 'D:/season 2024/', 'E:/season 2024/' by the root of the pool",
    "3 of the 43 entries",
    "12 images of 1 camera have times at which the camera clock stopped or was reset: 12 of 'card C/DCIM'",
)


@dataclass(frozen=True)
class Shot:
    """One picture as it truly is."""

    species: str
    taken: datetime
    orientation: int = 1


def burst(species: str, begin: datetime, orientation: int = 1) -> list[Shot]:
    return [Shot(species, begin + timedelta(seconds=2 * number), orientation) for number in range(4)]


def shots() -> dict[str, Shot]:
    """Two cards of the same file names in the same minutes, a dead clock, cameras held upright, decomposed names."""
    hour, second = timedelta(hours=1), timedelta(seconds=1)
    cards = {
        "card A/DCIM/IMG_{:04}.JPG": burst("fox", SPRING) + burst("hare", SPRING + hour),
        "card B/DCIM/IMG_{:04}.JPG": burst("red deer", SPRING + second) + burst("fox", SPRING + hour + second),
        "card C/DCIM/IMG_{:04}.JPG": [Shot(list(COLOURS)[number % 3], STILL) for number in range(12)],
        "card D/DCIM/IMG_{:04}.JPG": burst("hare", SPRING, 6) + burst("fox", SPRING + hour, 8),
        normalize("NFD", "Höhle/DCIM/Füchse_{:04}.JPG"): burst("red deer", SPRING, 3),
    }
    return {name.format(number): shot for name, card in cards.items() for number, shot in enumerate(card)}


def write_pictures(root: Path, pictures: Mapping[str, Shot]) -> None:
    rng = np.random.default_rng(0)
    for name, shot in pictures.items():
        pixels = rng.integers(0, 60, (HEIGHT, WIDTH, 3), np.uint8)
        left, top, right, bottom = STORED
        animal = np.array(COLOURS[shot.species]) + rng.normal(0, 12, (bottom - top, right - left, 3))
        pixels[top:bottom, left:right] = animal.clip(0, 255)
        exif = Image.Exif()
        exif[0x0132], exif[0x0112] = f"{shot.taken:%Y:%m:%d %H:%M:%S}", shot.orientation
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / name, quality=95, exif=exif)


def write_detections(file: Path, names: list[str]) -> None:
    """As PyTorch-Wildlife writes them, in pixels of the stored pictures, on a computer where each card is a drive."""

    def entry(path: str, box: list[float]) -> dict[str, Any]:
        return {"img_id": path, "bbox": [box], "category": [0], "confidence": [0.9]}

    def elsewhere(name: str) -> str:
        drive = "E:" if name.startswith("card B") else "D:"
        return normalize("NFC", f"{drive}/season 2024/{name}").replace("/", "\\")

    entries = [entry(elsewhere(name), list(STORED)) for name in names]
    entries += [entry(r"D:\season 2024\card A\DCIM\IMG_0000.JPG", [float("nan"), 0, 4, 4])]
    entries += [entry(rf"D:\season 2023\card A\DCIM\IMG_{number:04}.JPG", [0, 0, 9, 9]) for number in range(3)]
    file.write_text(json.dumps({"annotations": entries, "categories": {"0": "animal", "1": "person"}}))


class TwoPeople:
    """Anna fills in the round's list and Ben a copy of it: first as people write, then as they are told."""

    # What Anna writes for a class, and what she must be told.
    SPELLINGS = (
        ("{}", ""),
        (" \u200b{} ", ""),
        ("{}s", "is not one of the classes. Did you mean '{}'?"),
        ("{}, wolf", "gives several classes ('{}', 'wolf')"),
        ("#N/A", "is the error of a spreadsheet formula"),
        ('{{"choices": ["{}"]}}', "is JSON"),
    )

    def __init__(self, truth: Mapping[str, str]) -> None:
        self.truth = truth

    def answer(self, folder: Path) -> tuple[list[tuple[str, str]], str]:
        """Fill in the lists of the round.

        Returns the place of each wrong answer with what must be said of it, and the image on which the two differ.
        """
        rows = read_rows(folder / "to_label.csv")
        told = []
        for number, row in enumerate(rows):
            name = self.truth[row["path"]]
            spelling, reason = self.SPELLINGS[number % len(self.SPELLINGS)]
            row |= {"label": spelling.format(name), "annotator": "Anna"}
            if reason:
                told.append((f"to_label.csv, row {number + 2}", reason.format(name)))
        write_rows(folder / "to_label.csv", rows)
        name = self.truth[rows[0]["path"]]
        other = next(each for each in COLOURS if each != name)
        name = self.truth[rows[1]["path"]]
        write_rows(
            folder / "of Ben.csv",
            [{**rows[0], "label": other, "annotator": "Ben"}, {**rows[1], "label": name.upper(), "annotator": "Ben"}],
        )
        told.append(("of Ben.csv, row 3", f"'{name.upper()}' differs from the class '{name}' only in upper and lower"))
        return told, rows[0]["path"]

    def correct(self, folder: Path) -> None:
        for file in folder.glob("*.csv"):
            write_rows(file, [{**row, "label": self.truth[row["path"]]} for row in read_rows(file)])


def test_every_label_box_and_time_is_right_or_named(
    alframe: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = shots()
    root = tmp_path / "season 2024"
    write_pictures(root, truth)
    write_detections(tmp_path / "found.json", list(truth))
    (root / "card A" / "DCIM" / "IMG_0100.HEIC").touch()
    suffixes = folder_pool.image_suffixes() - {".heic"}
    monkeypatch.setattr(folder_pool, "image_suffixes", lambda: suffixes)  # without pillow-heif
    people = TwoPeople({name: shot.species for name, shot in truth.items()})
    done = alframe(
        *("pool=folder", "pool.root=season 2024", "pool.camera_level=2", "label_source=csv", "boxes.file=found.json"),
        *("classes=[fox,hare,red deer]", "propagate=true", "audit=0", "batch=12", "start.labels=12", "project=p"),
        *("backbone=timm", "backbone.model=test_resnet", "backbone.pretrained=false", "backbone.size=32"),
        *("compute.workers=0", "stopping=null"),
    )
    for each in NAMED:
        assert each in done.err

    asked: list[str] = []
    while "images to label, listed in" in done.out:
        rounds = sorted((tmp_path / "p" / "to_label").glob("round-*"))
        told, differ = people.answer(rounds[-1])
        said = alframe("project=p").err
        for place, reason in told:
            assert re.search(rf"{re.escape(place)}: .*{re.escape(reason)}", said), (place, reason)
        assert f"'{differ}' is " in said and "It has no label until they agree" in said
        people.correct(rounds[-1])
        asked += [row["path"] for row in read_rows(rounds[-1] / "to_label.csv")]
        done = alframe("project=p")
        assert "to_label" not in done.err, "nothing is wrong any more"
        assert len(rounds) < 9

    assert check_items(tmp_path / "p", truth) == len(truth)
    with open_session("project=p") as session:
        items = session.ledger.items()
        labels = {items[label.item].id: label for label in session.labels_with_propagated(items)}
    assert {name: label.class_name for name, label in labels.items()} == people.truth
    assert len(asked) == len(set(asked))
    assert {name for name in truth if name.startswith("card C")} <= set(asked), "no label comes from a dead clock"

    status = alframe("status", "project=p").out
    given_on = len(truth) - len(asked)
    line = f"Images:   {len(truth)} in the pool = {len(asked)} labelled + {given_on} labelled with their sequence;"
    assert line in status and given_on > 10
    classes = Counter(people.truth[name] for name in asked)
    shown = re.findall(rf"^ +(\d+)  ({'|'.join(COLOURS)})$", status, re.MULTILINE)
    assert {name: int(count) for count, name in shown} == classes
    exported = {row["path"]: row["label"] for row in read_rows(tmp_path / "p" / "export" / "predictions.csv")}
    assert exported == people.truth


def check_items(project: Path, truth: Mapping[str, Shot]) -> int:
    """Compare what the project knows of each image with the truth; return how many they are."""
    with Ledger.open(project, read_only=True) as ledger:
        items = ledger.items()
    for item in items:
        shot = truth[item.id]
        assert item.taken == shot.taken, item.id
        assert item.camera == item.id.rpartition("/")[0]
        assert item.box is not None
        assert (item.box.x, item.box.y, item.box.w, item.box.h) == pytest.approx(UPRIGHT[shot.orientation]), item.id
        same = [other.id for other in items if other.sequence == item.sequence and other.sequence]
        assert {truth[name].species for name in same} <= {shot.species} and len(same) in (0, 4)
    return len(items)
