"""Sets that come as arrays, and the ready-made ones."""

from __future__ import annotations

import gzip
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from alframe.app.api import compose
from alframe.builtins import REGISTRIES
from alframe.errors import PoolError
from alframe.pools import arrays
from alframe.pools.arrays import Arrays
from alframe.testing.pool import PoolSuite
from alframe.types import Item
from tests.formats.test_arrays import idx

RNG = np.random.default_rng(0)


def images(count: int, *shape: int, dtype: Any = np.uint8) -> np.ndarray:
    return RNG.integers(0, 200, (count, *shape)).astype(dtype)


def npz(folder: Path, **more: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    sets = {"x_train": images(7, 6, 5, 3), "y_train": np.arange(7) % 3, "x_test": images(2, 6, 5, 3), "y_test": [1, 0]}
    np.savez(folder / "a.npz", **{key: value for key, value in {**sets, **more}.items() if value is not None})
    return folder / "a.npz"


def listed(file: Path, **params: Any) -> list[Item]:
    return list(Arrays(file, file.parent / "images", **params).items())


def written(folder: Path) -> dict[str, tuple[int, int]]:
    files = [file for file in folder.rglob("*") if file.suffix in (".png", ".npy")]
    return {file.relative_to(folder).as_posix(): (file.stat().st_ino, file.stat().st_mtime_ns) for file in files}


class TestArraysSuite(PoolSuite):
    def make(self, folder: Path) -> Arrays:
        return Arrays(folder / "a.npz", folder / "images")

    def fill_folder(self, folder: Path) -> None:
        npz(folder)


def test_every_row_is_an_image_with_its_class(tmp_path: Path) -> None:
    file = npz(tmp_path)
    items = listed(file, class_names=["fox", "hare", "lynx"])
    assert [item.id for item in items[:2]] == ["train/000/000000.png", "train/000/000001.png"]
    assert [item.label for item in items] == ["fox", "hare", "lynx"] * 2 + ["fox", "hare", "fox"]
    assert [item.split for item in items] == ["pool"] * 7 + ["test"] * 2
    source = np.load(file)
    for item, pixels in zip(items, [*source["x_train"], *source["x_test"]], strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(item.path)), pixels)


@pytest.mark.parametrize(
    ("shape", "dtype", "suffix"),
    [
        ((6, 5), np.uint8, ".png"),
        ((6, 5, 1), np.uint8, ".png"),
        ((6, 5, 4), np.uint8, ".npy"),
        ((6, 5), np.uint16, ".npy"),
        ((6, 5, 11), np.float32, ".npy"),
    ],
)
def test_nothing_is_lost_whatever_the_type(tmp_path: Path, shape: tuple[int, ...], dtype: Any, suffix: str) -> None:
    x = images(3, *shape, dtype=dtype) * np.asarray(1, dtype)
    items = listed(npz(tmp_path, x_train=x, y_train=[0, 1, 0]), test_x=None)
    assert [item.path.suffix for item in items] == [suffix] * 3
    for item, pixels in zip(items, x, strict=True):
        got = np.load(item.path) if suffix == ".npy" else np.asarray(Image.open(item.path))
        np.testing.assert_array_equal(got.reshape(shape), pixels)
        assert got.dtype == dtype


def test_bands_first(tmp_path: Path) -> None:
    x = images(2, 3, 6, 5)
    items = listed(npz(tmp_path, x_train=x, y_train=[0, 1]), test_x=None, channels_first=True)
    np.testing.assert_array_equal(np.asarray(Image.open(items[1].path)), x[1].transpose(1, 2, 0))


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        ([0, 2, 1], ["0", "2", "1"]),
        (np.array([[2], [0], [1]], np.float32), ["2", "0", "1"]),
        (np.eye(3)[[1, 0, 2]], ["1", "0", "2"]),
        (["fox", "hare", " "], ["fox", "hare", None]),
        (np.array([b"fox", b"hare", b"fox"]), ["fox", "hare", "fox"]),
    ],
)
def test_classes_in_any_form(tmp_path: Path, y: Any, labels: list[str | None]) -> None:
    file = npz(tmp_path, x_train=images(3, 4, 4), y_train=y)
    assert [item.label for item in listed(file, test_x=None)] == labels
    assert [item.label for item in listed(file, test_x=None, y=None)] == [None] * 3


@pytest.mark.parametrize(
    ("change", "params", "words"),
    [
        (
            {"x_train": None},
            {},
            r"a.npz has no array 'x_train'. It has: .*x_test \(2, 6, 5, 3\).*pool.x to an existing",
        ),
        ({"x_test": None}, {}, "no array 'x_test'.*Set pool.test_x"),
        ({"y_train": np.arange(6)}, {}, "x_train has 7 rows, but y_train has 6.*Set pool.x and pool.y"),
        ({"x_train": np.zeros((7, 36))}, {}, r"x_train is \(7, 36\) float64, not images"),
        ({"y_train": [0, 1, 2, 3, -1, 0, 0]}, {}, "y_train, row 4 .* is -1, which is not a class number"),
        ({"y_train": [0, 1, 2, 3, 0.5, 0, 0]}, {}, "y_train, row 4 .* is 0.5"),
        (
            {"y_train": [0, 0, 0, 3, 0, 0, 0]},
            {"class_names": ["a", "b"]},
            "row 3 .* is 3, which is not .* of the 2 pool.class_names",
        ),
        ({"y_train": np.ones((7, 3))}, {}, "not one-hot"),
        ({}, {"x": None}, "pool.x is not given"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, change: Any, params: Any, words: str) -> None:
    with pytest.raises(PoolError, match=words):
        listed(npz(tmp_path, **change), **params)


def test_a_damaged_file_and_a_missing_one_are_named(tmp_path: Path) -> None:
    message = r"a.npz does not exist; it should contain the arrays x_train, .* available from the moon"
    with pytest.raises(PoolError, match=message):
        listed(tmp_path / "a.npz", available_from="the moon")
    (tmp_path / "a.npz").write_bytes(b"junk")
    with pytest.raises(PoolError, match=r"a.npz cannot be read"):
        listed(tmp_path / "a.npz")


def test_after_a_kill_only_what_is_missing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = npz(tmp_path)
    real, left = arrays._encode_image, iter(range(4))

    def killed(*arguments: Any) -> bytes:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(arrays, "_encode_image", killed)
    with pytest.raises(KeyboardInterrupt):
        listed(file)
    first = written(tmp_path)
    assert len(first) == 4
    monkeypatch.setattr(arrays, "_encode_image", real)
    items = listed(file)
    assert first.items() <= written(tmp_path).items()
    items[2].path.unlink()
    items[5].path.write_bytes(b"")  # as a power cut leaves it
    before = written(tmp_path)
    assert listed(file) == items
    changed = written(tmp_path).items() - before.items()
    assert len(changed) == 2
    np.testing.assert_array_equal(np.asarray(Image.open(items[5].path)), np.load(file)["x_train"][5])


def test_later_runs_only_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = npz(tmp_path)
    items = listed(file)
    monkeypatch.setattr(arrays, "_encode_image", None)
    monkeypatch.setattr(arrays, "_read_rows", None)
    assert listed(file) == items


def test_another_file_or_other_arrays_never_mix(tmp_path: Path) -> None:
    first = listed(npz(tmp_path))
    other = listed(npz(tmp_path, x_train=images(7, 4, 4)))  # the same name, another content
    assert [item.id for item in other] == [item.id for item in first]
    assert not {item.path for item in other} & {item.path for item in first}
    assert all(item.path.is_file() for item in first)
    swapped = listed(tmp_path / "a.npz", x="x_test", y="y_test", test_x=None)
    assert not {item.path for item in swapped} & {item.path for item in other}


def test_several_arrays_one_after_the_other(tmp_path: Path) -> None:
    file = npz(tmp_path)
    items = listed(file, x=["x_train", "x_test"], y=["y_train", "y_test"], test_x=None)
    source = np.load(file)
    assert [item.label for item in items] == [str(one) for one in [*source["y_train"], *source["y_test"]]]
    np.testing.assert_array_equal(np.asarray(Image.open(items[8].path)), source["x_test"][1])


@pytest.mark.slow
def test_sixty_thousand_rows_take_seconds(tmp_path: Path) -> None:
    file = npz(tmp_path, x_train=images(60_000, 28, 28), y_train=np.zeros(60_000))
    start = time.process_time()
    assert len(listed(file, test_x=None)) == 60_000
    assert time.process_time() - start < 120
    start = time.process_time()
    listed(file, test_x=None)
    assert time.process_time() - start < 10


def ready_made(name: str, runs: Path) -> list[Item]:
    config = compose(f"pool={name}", f"runs={runs.as_posix()}")
    recipe: Any = OmegaConf.to_container(config.pool, resolve=True)
    return list(REGISTRIES["pool"].build(recipe).items())


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize("packed", [False, True])
def test_mnist(name: str, packed: bool, tmp_path: Path) -> None:
    message = f"{name} does not exist; it should contain the arrays train-images-idx3-ubyte.*https://"
    with pytest.raises(PoolError, match=message):
        ready_made(name, tmp_path)
    folder = tmp_path / "data" / name
    folder.mkdir(parents=True)
    for part, count in (("train", 5), ("t10k", 3)):
        for kind, array in (("images-idx3", images(count, 28, 28)), ("labels-idx1", np.arange(count, dtype=np.uint8))):
            path, data = folder / f"{part}-{kind}-ubyte", idx(array)
            path.with_name(path.name + ".gz" * packed).write_bytes(gzip.compress(data) if packed else data)
    items = ready_made(name, tmp_path)
    assert Counter(item.split for item in items) == {"pool": 5, "test": 3}
    assert [item.label for item in items[5:]] == (
        ["0", "1", "2"] if name == "mnist" else ["T-shirt/top", "Trouser", "Pullover"]
    )
    next(folder.glob("t10k-labels*")).unlink()
    with pytest.raises(PoolError, match=r"has no file t10k-labels-idx1-ubyte.*available from https://"):
        ready_made(name, tmp_path)


def test_droughtwatch(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "droughtwatch"
    folder.mkdir(parents=True)
    with h5py.File(folder / "trainval.h5", "w") as h5:
        for part, count in (("train", 4), ("val", 3)):
            h5.create_dataset(f"x_{part}", data=images(count, 65, 65, 11), compression="lzf")
            h5.create_dataset(f"y_{part}", data=np.arange(count, dtype=np.int32), compression="lzf")
    with pytest.raises(PoolError, match=r"no file x_pool .*trainval.h5 has only .*x_train \(4, 65, 65, 11\).*https://"):
        ready_made("droughtwatch", tmp_path)
    with h5py.File(folder / "pool.h5", "w") as h5:
        h5.create_dataset("x_pool", data=images(5, 65, 65, 11), chunks=True, maxshape=(90, 65, 65, 11))
        h5.create_dataset("y_pool", data=np.arange(5, dtype=np.int32) % 4)
    items = ready_made("droughtwatch", tmp_path)
    assert Counter(item.split for item in items) == {"pool": 9, "test": 3}
    assert [item.label for item in items[2:6]] == ["2 cows", "3 cows or more", "no cow", "1 cow"]
    assert np.load(items[8].path).shape == (65, 65, 11)


def test_deepweeds_and_cassava(tmp_path: Path) -> None:
    lists = {
        "deepweeds": ("labels.csv", "images", "Filename,Label,Species\n1.jpg,0,Chinee apple\n2.jpg,8,Negative\n"),
        "cassava": ("train.csv", "train_images", "image_id,label\n1.jpg,3\n2.jpg,4\n"),
    }
    labels = {"deepweeds": ["Chinee apple", "Negative"], "cassava": ["Cassava Mosaic Disease (CMD)", "Healthy"]}
    for name, (file, folder, text) in lists.items():
        place = tmp_path / "data" / name
        with pytest.raises(PoolError, match=f"{file} does not exist. It is available from https://.* Set pool.file"):
            ready_made(name, tmp_path)
        place.mkdir(parents=True)
        (place / file).write_text(text)
        with pytest.raises(PoolError, match=f"None of the 2 images.*{folder}.*available from https://.*Set pool.root"):
            ready_made(name, tmp_path)
        (place / folder).mkdir()
        (place / folder / "1.jpg").touch()
        items = ready_made(name, tmp_path)
        assert [(item.id, item.label) for item in items] == list(zip(["1.jpg", "2.jpg"], labels[name], strict=True))
        assert os.path.commonpath([items[0].path, place / folder]) == str(place / folder)
    (place / file).write_text("image_id,label\n1.jpg,5\n")
    with pytest.raises(PoolError, match="row 2: '5' in column 'label' is not the number of one of the 5 classes"):
        ready_made("cassava", tmp_path)
