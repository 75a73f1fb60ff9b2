"""The pools that make their own images."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from alframe.errors import BadParams, PoolError
from alframe.kit import generated_images
from alframe.pools.camera_trap_scenes import files as camera_trap_files
from alframe.pools.camera_trap_scenes.pool import CameraTrapScenes
from alframe.pools.csv import Csv
from alframe.pools.digits import Digits
from alframe.testing.pool import PoolSuite
from alframe.types import Item

SMALL: dict[str, Any] = {"sites": 3, "test_sites": 1, "bursts": 9, "size": [160, 120], "species": ["red_fox", "badger"]}


class TestDigitsSuite(PoolSuite):
    @pytest.fixture(autouse=True)
    def _made(self, digits: Path) -> None:
        self.made = digits

    def make(self, folder: Path) -> Digits:
        return Digits(folder)

    def fill_folder(self, folder: Path) -> None:
        shutil.copytree(self.made, folder)  # quicker than making them for every test


class TestScenesSuite(PoolSuite):
    def make(self, folder: Path) -> CameraTrapScenes:
        return CameraTrapScenes(folder, **SMALL)


def contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("digits") / "here"
    list(Digits(root).items())
    return root


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scenes") / "here"
    list(CameraTrapScenes(root, **SMALL).items())
    return root


@pytest.fixture(scope="module")
def frames(scenes: Path) -> list[Item]:
    return list(CameraTrapScenes(scenes, **SMALL).items())


def test_digits_are_scikit_learns(digits: Path) -> None:
    found, bunch = list(Digits(digits).items()), load_digits()
    assert [item.label for item in found] == [str(target) for target in bunch.target]
    for item, expected in list(zip(found, bunch.images, strict=True))[::100]:
        image = Image.open(item.path)
        assert (image.size, image.mode) == ((32, 32), "L")
        small = np.asarray(image.resize((8, 8), Image.Resampling.BOX), dtype=float) * 16 / 255
        assert np.corrcoef(small.ravel(), expected.ravel())[0, 1] > 0.95


def test_later_runs_only_list(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generated_images, "replace_atomically", None)
    assert len(list(Digits(digits).items())) == 1797


def test_a_damaged_folder_is_made_anew(scenes: Path, tmp_path: Path) -> None:
    root, good = tmp_path / "x", contents(scenes)
    pool = CameraTrapScenes(root, **SMALL)
    first = next(pool.items())
    first.path.unlink()
    assert next(pool.items()).path.is_file()
    first.path.write_bytes(b"cut off")
    list(pool.items())
    assert contents(root) == good


def test_other_parameters_make_it_anew(tmp_path: Path) -> None:
    list(CameraTrapScenes(tmp_path / "x", **SMALL).items())
    other = list(CameraTrapScenes(tmp_path / "x", **{**SMALL, "species": ["lynx"]}).items())
    assert {item.label for item in other} == {"lynx", "empty"}
    assert len(list((tmp_path / "x" / "images").rglob("*.JPG"))) == len(other)


def test_foreign_files_are_never_deleted(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    (root / "mine.jpg").write_bytes(b"precious")
    for pool in (Digits(root), CameraTrapScenes(root, **SMALL)):
        with pytest.raises(PoolError, match=r"contains mine.jpg, which this pool did not write"):
            list(pool.items())
    with pytest.raises(PoolError, match="is a file"):
        list(Digits(root / "mine.jpg").items())
    assert (root / "mine.jpg").read_bytes() == b"precious"


def test_files_added_to_a_made_folder_are_safe_too(tmp_path: Path) -> None:
    list(CameraTrapScenes(tmp_path / "x", **SMALL).items())
    (tmp_path / "x" / "notes.txt").write_text("seen a fox")
    list(CameraTrapScenes(tmp_path / "x", **SMALL).items())  # complete: nothing to make
    with pytest.raises(PoolError, match=r"notes.txt"):
        list(CameraTrapScenes(tmp_path / "x", **{**SMALL, "seed": 1}).items())


def test_a_failed_making_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(camera_trap_files, "write_json", fail)
    with pytest.raises(PoolError, match="disk full"):
        list(CameraTrapScenes(tmp_path / "x", **SMALL).items())
    assert not (tmp_path / "x").exists()
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_the_same_seed_gives_the_same_bytes(scenes: Path, tmp_path: Path) -> None:
    list(CameraTrapScenes(tmp_path / "x", **SMALL).items())
    assert contents(tmp_path / "x") == contents(scenes)
    list(CameraTrapScenes(tmp_path / "y", **SMALL, seed=1).items())
    assert contents(tmp_path / "y")["images/site_01/IMG_0001.JPG"] != contents(scenes)["images/site_01/IMG_0001.JPG"]


def test_frames_are_jpegs_with_the_cameras_time(frames: list[Item]) -> None:
    for item in frames:
        with Image.open(item.path) as image:
            assert (image.format, image.size) == ("JPEG", (160, 120))
            exif = image.getexif()
        assert item.taken is not None
        assert exif.get_ifd(0x8769)[0x9003] == f"{item.taken:%Y:%m:%d %H:%M:%S}"
        assert exif[271] == "alframe"


def test_bursts_are_short_and_stay_in_one_place(frames: list[Item]) -> None:
    bursts: dict[str | None, list[Item]] = {}
    for item in frames:
        bursts.setdefault(item.sequence, []).append(item)
    assert len(bursts) == SMALL["bursts"]
    for burst in bursts.values():
        assert 2 <= len(burst) <= 5
        assert len({(item.camera, item.split, item.meta["light"]) for item in burst}) == 1
        gaps = [(b.taken - a.taken).total_seconds() for a, b in pairwise(burst) if a.taken and b.taken]
        assert all(1 <= gap <= 2 for gap in gaps)
        assert len({item.label for item in burst} - {"empty"}) <= 1
    assert {item.camera for item in frames if item.split == "test"} == {"site_03"}


def test_boxes_are_where_the_labels_say_an_animal_is(frames: list[Item]) -> None:
    assert all((item.box is None) == (item.label == "empty") for item in frames)
    assert Counter(item.label for item in frames).keys() == {"empty", "red_fox", "badger"}


def test_night_is_grey_and_day_is_not(frames: list[Item]) -> None:
    for item in frames:
        pixels = np.asarray(Image.open(item.path), dtype=float)[:100]
        colourful = np.abs(pixels - pixels.mean(axis=2, keepdims=True)).mean()
        assert (colourful < 2) == (item.meta["light"] == "night"), item.id


def test_an_animal_stands_out_inside_its_box(tmp_path: Path) -> None:
    """The same burst with and without its animal differs inside the box, and hardly anywhere else."""
    params: dict[str, Any] = {**SMALL, "night": 0, "size": [320, 240], "bursts": 3}
    with_animals = list(CameraTrapScenes(tmp_path / "a", **params, empty=0).items())
    without = {item.id: item for item in CameraTrapScenes(tmp_path / "b", **params, empty=1).items()}
    assert any(item.box for item in with_animals)
    for item in with_animals:
        if item.box is None:
            continue
        one, two = (np.asarray(Image.open(i.path).convert("L"), dtype=float) for i in (item, without[item.id]))
        inside = np.zeros(one.shape, dtype=bool)
        left, top = int(item.box.x * 320), int(item.box.y * 240)
        inside[top : top + int(item.box.h * 240) + 1, left : left + int(item.box.w * 320) + 1] = True
        assert np.abs(one - two)[inside].mean() > 2 * np.abs(one - two)[~inside].mean(), item.id


def test_detections_are_in_megadetectors_format(scenes: Path, frames: list[Item]) -> None:
    detections = json.loads((scenes / "detections.json").read_text(encoding="utf-8"))
    assert detections["info"]["format_version"] == "1.5"
    assert detections["detection_categories"] == {"1": "animal"}
    assert [image["file"] for image in detections["images"]] == [item.id for item in frames]
    for image in detections["images"]:
        for detection in image["detections"]:
            assert detection["category"] == "1"
            assert isinstance(detection["conf"], float)
            assert len(detection["bbox"]) == 4


def test_its_csv_can_be_read_by_the_csv_pool(scenes: Path, frames: list[Item]) -> None:
    with (scenes / "labels.csv").open(encoding="utf-8", newline="") as text:
        assert next(csv.reader(text))[:6] == ["path", "label", "camera", "taken", "sequence", "split"]
    columns = {f"{name}_column": name for name in ("label", "camera", "sequence", "split")}
    listed = list(Csv(scenes / "labels.csv", **columns, time_column="taken").items())
    assert [(i.id, i.label, i.camera, i.taken, i.sequence, i.split) for i in listed] == [
        (i.id, i.label, i.camera, i.taken, i.sequence, i.split) for i in frames
    ]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"species": ["red_fx"]}, "Did you mean 'red_fox'"),
        ({"species": []}, "at least one"),
        ({"sites": 2, "test_sites": 2}, "below sites"),
        ({"bursts": 3}, "number of sites"),
        ({"empty": 1.2}, "from 0 to 1"),
        ({"size": [64, 64]}, "160 x 120"),
    ],
)
def test_impossible_parameters_are_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(BadParams, match=message):
        CameraTrapScenes("nowhere", **params)
