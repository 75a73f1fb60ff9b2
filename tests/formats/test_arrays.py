"""Whatever holds an array, the same rows come out, from any row on."""

from __future__ import annotations

import gzip
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from alframe.errors import FormatError
from alframe.formats import arrays
from alframe.formats.arrays import find_array

IDX = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}
Save = Callable[[Path, np.ndarray], Path]


def idx(array: np.ndarray) -> bytes:
    head = struct.pack(f">HBB{array.ndim}I", 0, IDX[array.dtype.name], array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def as_npz(folder: Path, array: np.ndarray) -> Path:
    np.savez(folder / "a.npz", x=array, other=np.zeros(3))
    return folder / "a.npz"


def as_packed_npz(folder: Path, array: np.ndarray) -> Path:
    np.savez_compressed(folder / "a.npz", x=array)
    return folder / "a.npz"


def as_npz_by_column(folder: Path, array: np.ndarray) -> Path:
    return as_npz(folder, np.asfortranarray(array))


def as_npy(folder: Path, array: np.ndarray) -> Path:
    np.save(folder / "x.npy", array)
    return folder


def as_idx(folder: Path, array: np.ndarray) -> Path:
    (folder / "x").write_bytes(idx(array))
    return folder


def as_packed_idx(folder: Path, array: np.ndarray) -> Path:
    (folder / "x.gz").write_bytes(gzip.compress(idx(array)))
    return folder


def as_hdf5(folder: Path, array: np.ndarray) -> Path:
    with h5py.File(folder / "a.h5", "w") as h5:
        h5.create_dataset("x", data=array, compression="gzip")
        h5.create_dataset("group/y", data=np.zeros(2))
    return folder / "a.h5"


def as_hdf5_in_a_folder(folder: Path, array: np.ndarray) -> Path:
    np.savez(folder / "a.npz", y=np.zeros(2))
    as_hdf5(folder, array).rename(folder / "b.hdf5")
    return folder


ALL: list[Save] = [
    *(as_npz, as_packed_npz, as_npz_by_column, as_npy, as_idx, as_packed_idx, as_hdf5, as_hdf5_in_a_folder),
]


@pytest.mark.parametrize("save", ALL, ids=lambda save: save.__name__)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("at_once", [1, 100, 1 << 20])
def test_every_row_from_any_row_on(
    save: Save, dtype: str, at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "CHUNK_BYTES", at_once)
    array = (np.arange(11 * 3 * 4 * 2) % 100).reshape(11, 3, 4, 2).astype(dtype)
    stored = find_array(save(tmp_path, array), "x")
    assert (stored.shape, stored.dtype.itemsize, stored.dtype.kind) == (array.shape, array.itemsize, array.dtype.kind)
    for start in (0, 4, 10):
        blocks = list(stored.read_from(start))
        np.testing.assert_array_equal(np.concatenate(blocks), array[start:])
        if at_once == 1 and save is not as_npz_by_column:
            assert {len(block) for block in blocks} == {1}, "no more is in memory than was said"
    np.testing.assert_array_equal(stored.read_all(), array)


def test_names_with_a_dot_in_place_of_the_dash(tmp_path: Path) -> None:
    (tmp_path / "train-images.idx3-ubyte").write_bytes(idx(np.zeros((2, 3, 3), np.uint8)))
    assert find_array(tmp_path, "train-images-idx3-ubyte").shape == (2, 3, 3)


def test_texts(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as h5:
        h5["y"] = ["fox", "füchsin"]
    assert find_array(tmp_path / "a.h5", "y").read_all().tolist() == ["fox", "füchsin"]


@pytest.mark.parametrize("save", ALL, ids=lambda save: save.__name__)
def test_what_is_there_is_listed(save: Save, tmp_path: Path) -> None:
    place = save(tmp_path, np.zeros((4, 2, 2), np.uint8))
    with pytest.raises(FormatError) as caught:
        find_array(place, "x_train")
    assert "x_train" in str(caught.value)
    assert ("x (4, 2, 2)" in str(caught.value)) == any(
        file.suffix in (".npz", ".h5", ".hdf5") for file in tmp_path.iterdir()
    )


@pytest.mark.parametrize("save", ALL, ids=lambda save: save.__name__)
def test_a_file_that_is_cut_short_is_named(save: Save, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    save(tmp_path, rng.integers(0, 256, (40, 16, 16), dtype=np.uint8))
    for file in tmp_path.iterdir():
        if file.name != "a.npz" or save in (as_npz, as_packed_npz, as_npz_by_column):
            file.write_bytes(file.read_bytes()[:-3000])
    place = tmp_path if save in (as_npy, as_idx, as_packed_idx, as_hdf5_in_a_folder) else next(tmp_path.iterdir())
    with pytest.raises(FormatError, match=r"cannot be read.*Copy it again"):
        find_array(place, "x").read_all()


def test_things_that_are_no_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([{}], dtype=object), y=np.float32(3))
    (tmp_path / "x").write_bytes(b"hello, this is no idx file")
    for file, name, words in [
        (tmp_path / "a.npz", "x", "Python objects"),
        (tmp_path / "a.npz", "y", "a single number"),
        (tmp_path, "x", "not an idx file"),
        (tmp_path / "x", "x", "not a readable set of arrays"),
    ]:
        with pytest.raises(FormatError, match=words):
            find_array(file, name)


def test_hdf5_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = as_hdf5(tmp_path, np.zeros((2, 2, 2), np.uint8))
    modules: Any = sys.modules
    monkeypatch.setitem(modules, "h5py", None)
    with pytest.raises(FormatError, match=r'needs h5py: pip install "alframe\[hdf5\]"'):
        find_array(file, "x")
