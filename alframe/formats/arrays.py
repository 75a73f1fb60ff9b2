"""Read arrays that hold a whole set of images: .npz, .npy, HDF5, and MNIST's idx (yann.lecun.com/exdb/mnist)."""

from __future__ import annotations

import gzip
import math
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from alframe.data.bands import read_npy_header
from alframe.data.reasons import UnreadableImage
from alframe.errors import AlframeError, FormatError

Array = npt.NDArray[Any]
_ArrayHeader = tuple[tuple[int, ...], np.dtype[Any], bool]  # shape, type, and whether it is stored by column

HDF5_SUFFIXES = (".h5", ".hdf5", ".hdf")
_IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_COMPRESSION_RATIO = 1100  # gzip and zip pack no file smaller than that
CHUNK_BYTES = 1 << 24  # of rows in memory


@dataclass(frozen=True, slots=True)
class StoredArray:
    """The array `name` in `file`. `read_from(start)` yields its rows from `start` on in chunks, or FormatError."""

    file: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read_from: Callable[[int], Iterator[Array]]

    def __str__(self) -> str:
        return str(self.file) if self.name in self.file.name else f"{self.file}, {self.name}"

    def read_all(self) -> Array:
        """Return the whole array, which should be small."""
        return np.concatenate(list(self.read_from(0))) if self.shape[0] else np.empty(self.shape, self.dtype)


def find_array(file: Path, name: str) -> StoredArray:
    """Return the array `name` of an .npz or HDF5 file, or of a folder of such files or of single arrays.

    Only headers are read. Raises FormatError with the names of the arrays, or of the missing package.
    """
    if file.is_dir():
        return _find_in_folder(file, name)
    if file.suffix.lower() not in (".npz", *HDF5_SUFFIXES):
        raise FormatError(f"{file} is not a readable set of arrays: .npz, .h5 or .hdf5, or a folder of arrays.")
    array = _find_in_file(file, name)
    if array is None:
        raise FormatError(f"{file} has no array '{name}'. It has: {', '.join(_list_arrays(file)) or 'none'}.")
    return array


def _find_in_folder(folder: Path, name: str) -> StoredArray:
    # The idx files are called train-images-idx3-ubyte or train-images.idx3-ubyte, packed or not.
    stems = dict.fromkeys((name, name.replace("-idx", ".idx")))
    for file in (folder / (stem + end) for stem in stems for end in (".npy", "", ".gz")):
        if file.is_file():
            return _find_in_stream(file, name, read_npy_header if file.suffix == ".npy" else _read_idx_header)
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in (".npz", *HDF5_SUFFIXES))
    for file in files:
        if array := _find_in_file(file, name):
            return array
    searched = [f"{folder} has no file {name} (or {name}.gz, or {name}.npy)"]
    searched += [f"{file.name} has only {', '.join(_list_arrays(file)) or 'nothing'}" for file in files]
    raise FormatError(f"{'; '.join(searched)}.")


def _find_in_file(file: Path, name: str) -> StoredArray | None:
    if file.suffix.lower() in HDF5_SUFFIXES:
        return _find_in_hdf5(file, name)
    with _explain_errors(file), zipfile.ZipFile(file) as archive:
        if f"{name}.npy" not in archive.namelist():
            return None
    return _find_in_stream(file, name, read_npy_header)


def _list_arrays(file: Path) -> list[str]:
    if file.suffix.lower() in HDF5_SUFFIXES:
        with _explain_errors(file), _import_h5py(file).File(file, "r") as h5:
            arrays: list[str] = []
            h5.visititems(lambda key, node: arrays.append(f"{key} {node.shape}") if hasattr(node, "shape") else None)
            return arrays
    with _explain_errors(file), zipfile.ZipFile(file) as archive:
        names = [entry.removesuffix(".npy") for entry in archive.namelist() if entry.endswith(".npy")]
    return [f"{name} {_find_in_stream(file, name, read_npy_header).shape}" for name in names]


def _read_idx_header(file: IO[bytes]) -> _ArrayHeader:
    zeros, kind, axes = struct.unpack(">HBB", file.read(4))
    if zeros or kind not in _IDX_DTYPES:
        raise UnreadableImage("it is not an idx file")
    return struct.unpack(f">{axes}I", file.read(4 * axes)), np.dtype(_IDX_DTYPES[kind]), False


def _find_in_stream(file: Path, name: str, read_header: Callable[[IO[bytes]], _ArrayHeader]) -> StoredArray:
    """Return an array that follows its header in a stream: a file, which may be packed, or a part of an archive."""

    @contextmanager
    def open_stream() -> Iterator[IO[bytes]]:
        if file.suffix.lower() == ".npz":
            with zipfile.ZipFile(file) as archive, archive.open(f"{name}.npy") as member:
                yield member
        else:
            with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
                yield cast("IO[bytes]", stream)

    def read_from(start: int) -> Iterator[Array]:
        with _explain_errors(file), open_stream() as stream:
            read_header(stream)
            if by_column:  # the bytes of a row are not together
                yield _read_exactly(stream, dtype, math.prod(shape)).reshape(shape[::-1]).T[start:]
                return
            row, step = 0, _rows_per_chunk(shape, dtype)
            while row < shape[0]:
                # What comes before `start` must be unpacked as well.
                stop = min(row + step, start if row < start else shape[0])
                chunk = _read_exactly(stream, dtype, (stop - row) * math.prod(shape[1:]))
                if row >= start:
                    yield chunk.reshape(stop - row, *shape[1:])
                row = stop

    with _explain_errors(file), open_stream() as stream:
        shape, dtype, by_column = read_header(stream)
        if math.prod(shape) * dtype.itemsize > MAX_COMPRESSION_RATIO * (file.stat().st_size + 1000):
            raise UnreadableImage(f"'{name}' should be {shape} {dtype}, but the file is too small for this")
    if not shape:
        raise FormatError(f"{file}: '{name}' is a single number, not an array.")
    return StoredArray(file, name, shape, dtype, read_from)


def _read_exactly(stream: IO[bytes], dtype: np.dtype[Any], count: int) -> Array:
    data = stream.read(count * dtype.itemsize)
    if len(data) < count * dtype.itemsize:
        raise UnreadableImage("it ends too early")
    return np.frombuffer(data, dtype)


def _find_in_hdf5(file: Path, name: str) -> StoredArray | None:
    h5py = _import_h5py(file)

    def read_from(start: int) -> Iterator[Array]:
        with _explain_errors(file), h5py.File(file, "r") as h5:
            dataset = h5[name].asstr() if is_text else h5[name]
            step = _rows_per_chunk(shape, dtype)
            for row in range(start, shape[0], step):
                yield dataset[row : row + step]

    with _explain_errors(file), h5py.File(file, "r") as h5:
        node = h5.get(name)
        if not isinstance(node, h5py.Dataset) or not node.shape:
            return None
        shape, dtype, is_text = node.shape, node.dtype, h5py.check_string_dtype(node.dtype) is not None
    return StoredArray(file, name, shape, np.dtype(str) if is_text else dtype, read_from)


def _import_h5py(file: Path) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise FormatError(f'{file} is an HDF5 file, which needs h5py: pip install "alframe[hdf5]"') from error
    return h5py


def _rows_per_chunk(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    return max(1, CHUNK_BYTES // max(1, math.prod(shape[1:]) * dtype.itemsize))


@contextmanager
def _explain_errors(file: Path) -> Iterator[None]:
    """Turn the errors of all decoders into a FormatError that names the file."""
    try:
        yield
    except AlframeError:
        raise
    except Exception as error:  # zip, gzip, NumPy and HDF5 have no error in common
        reason = str(error) or type(error).__name__
        raise FormatError(f"{file} cannot be read: {reason}. Copy it again from its source.") from error
