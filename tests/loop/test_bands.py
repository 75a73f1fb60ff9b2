"""Whole campaigns on images that are no photographs: eleven bands, 16 bits, arrays."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

import alframe
from alframe.app.api import open_session
from alframe.errors import PoolError
from alframe.loop.labels import find_standing_labels
from alframe.report.thumbnails import thumbnail
from alframe.store.events import FineTuned
from alframe.store.ledger import Ledger
from alframe.testing.tiny import tiny_overrides
from alframe.types import OutcomeState

BANDS = ["backbone.in_chans=11", "backbone.value_range=[0,10000]"]


def scenes(each: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(N, 24, 24, 11) uint16 reflectances up to some 4000, and the class of each, which one band alone tells."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(3), each)
    x = rng.normal(1500, 300, (len(y), 24, 24, 11))
    x[np.arange(len(y)), :, :, 4 + 2 * y] += 2000
    return np.clip(x, 0, 65535).astype(np.uint16), y


@pytest.fixture(scope="module")
def tiffs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tiffs")
    for number, (image, label) in enumerate(zip(*scenes(16), strict=True)):
        file = root / f"class_{label}" / f"{number:03d}.tif"
        file.parent.mkdir(exist_ok=True)
        if number % 2:
            tifffile.imwrite(file, image, photometric="minisblack", planarconfig="contig", compression="zlib")
        else:
            tifffile.imwrite(file, image.transpose(2, 0, 1), photometric="minisblack", planarconfig="separate")
    return root


def run(root: Path, runs: Path, *more: str) -> tuple[Any, Path]:
    given = {word.partition("=")[0] for word in more}
    if "pool" in given:
        given |= {"pool.root", "pool.classes"}
    words = [word for word in tiny_overrides(root, runs) if word.partition("=")[0] not in given]
    with open_session(*words, "stopping.labels=8", *more) as session:
        return session.task_to_run.run(session), session.folder


def accuracy(folder: Path) -> float:
    with Ledger.open(folder, read_only=True) as ledger:
        assert [record.labels for record in ledger.history()] == [4, 8]
        assert all(record.set_aside == 0 for record in ledger.history())
        last = ledger.history()[-1].evaluation
    assert last is not None
    return last.accuracy


def test_eleven_bands_from_the_pool_to_the_exported_model(tiffs: Path, tmp_path: Path) -> None:
    words = [*BANDS, "finetune.start=4", "finetune.first.epochs=1"]
    outcome, folder = run(tiffs, tmp_path, *words)
    assert outcome.state is OutcomeState.DONE
    accuracy(folder)
    with Ledger.open(folder, read_only=True) as ledger:
        assert ledger.events_of(FineTuned), "it was fine-tuned on varied bands"
    run(tiffs, tmp_path, *words, "task=export")
    model = alframe.load_model(folder / "export" / "model")
    assert model.embedder.input_spec.value_range == ((0.0, 10000.0),)
    images = sorted(tiffs.rglob("*.tif"))[:6]
    probs = model.predict_probs(images)
    assert probs.shape == (6, 3)
    told = [f"task.images={tiffs.as_posix()}", f"task.out={(tmp_path / 'out').as_posix()}"]
    assert "48 images predicted" in run(tiffs, tmp_path, *words, "task=predict", *told)[0].message
    run(tiffs, tmp_path, *words, "task=report")
    page = next(folder.rglob("*.html")).read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") >= 4
    assert "Cannot be read" not in page


def test_what_one_band_tells_is_learned(tiffs: Path, tmp_path: Path) -> None:
    """The bands reach the network in their places and with their values: a random projection of them is enough."""
    assert accuracy(run(tiffs, tmp_path, *BANDS)[1]) > 0.6


def test_settings_that_do_not_fit_are_said_and_can_be_corrected(tiffs: Path, tmp_path: Path) -> None:
    with pytest.raises(PoolError, match=r"None of the 48 images.*11 bands.*takes 3.*Set backbone.in_chans=11"):
        run(tiffs, tmp_path)
    with pytest.raises(PoolError, match=r"None of the 48 images.*uint16.*backbone.value_range="):
        run(tiffs, tmp_path, "backbone.in_chans=11")
    accuracy(run(tiffs, tmp_path, *BANDS)[1])  # what is known of the files since then does not stand in the way


@pytest.mark.parametrize("kind", ["npz", "hdf5"])
def test_arrays(kind: str, tmp_path: Path) -> None:
    (x, y), (test_x, test_y) = scenes(10), scenes(4, seed=1)
    sets = {"x_train": x, "y_train": y, "x_test": test_x, "y_test": test_y}
    file = tmp_path / f"set.{kind}"
    if kind == "npz":
        np.savez(file, **sets)
    else:
        with h5py.File(file, "w") as h5:
            for name, array in sets.items():
                h5[name] = array
    words = ["pool=arrays", f"pool.file={file.as_posix()}", "pool.class_names=[field,forest,water]", *BANDS]
    _, folder = run(tmp_path, tmp_path / "runs", *words)
    assert accuracy(folder) > 0.6
    with Ledger.open(folder, read_only=True) as ledger:
        items = ledger.items()
        assert ledger.history()[-1].classes == ("field", "forest", "water")
    assert sum(item.split == "test" for item in items) == 12
    assert items[0].path.is_relative_to(tmp_path / "runs" / "data" / "arrays")
    assert thumbnail(items[0].path).uri


def test_people_get_pictures_of_arrays(tiffs: Path, tmp_path: Path) -> None:
    words = ["pool.classes=false", "label_source=folder", *BANDS]
    outcome, folder = run(tiffs, tmp_path / "runs", *words)
    assert outcome.state is OutcomeState.WAITING
    shown = sorted(folder.rglob("to_label/**/*.jpg"))
    assert len(shown) == 4
    with Image.open(shown[0]) as image:
        assert (image.size, image.mode) == ((24, 24), "RGB")
        assert np.ptp(np.asarray(image)) > 100
    listing = next(folder.rglob("manifest.csv"))
    names = [row["name"] for row in csv.DictReader(listing.read_text(encoding="utf-8-sig").splitlines())]
    assert sorted(names) == [file.name for file in shown]
    for file in shown:  # sorted into class folders, as a person would
        (file.parent / "fox").mkdir(exist_ok=True)
        file.replace(file.parent / "fox" / file.name)
    run(tiffs, tmp_path / "runs", *words)
    with Ledger.open(folder, read_only=True) as ledger:
        assert len(find_standing_labels(ledger.stored_labels())) == 4


def test_a_grey_camera_of_16_bits(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(30):
        file = tmp_path / "images" / f"class_{number % 2}" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        image = rng.normal(900 + 600 * (number % 2), 200, (24, 24))
        Image.fromarray(np.clip(image, 0, 4095).astype(np.uint16)).save(file)
    folders = [
        run(tmp_path / "images", tmp_path / "runs", *more)[1]
        for more in ([], ["backbone.in_chans=1"], ["backbone.in_chans=1", "backbone.value_range=[0,4095]"])
    ]
    assert len({folder.name for folder in folders}) == 3
    assert accuracy(folders[2]) >= accuracy(folders[1])
