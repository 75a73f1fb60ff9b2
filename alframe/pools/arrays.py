"""Read benchmark sets of arrays. Each row is written once as an image file."""

from __future__ import annotations

import hashlib
import io
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from alframe.errors import FormatError, PoolError
from alframe.formats.arrays import StoredArray, find_array
from alframe.kit.chunks import row_slices
from alframe.kit.files import replace_file
from alframe.kit.image_paths import absolute_path, where_to_download
from alframe.kit.progress import Bar
from alframe.types import Item

ArrayNames = str | Sequence[str] | None
FILES_PER_FOLDER = 1000  # file browsers choke on more


@dataclass
class Arrays:
    """List the images in arrays of the shape (N, H, W) or (N, H, W, bands), and write each of them to a file.

    On first use, each image is written below `root`, in a folder for these arrays: ``train/012/012345.png``, or
    ``.npy`` if a PNG file cannot hold it. If the program is killed, the next run writes only the files that are
    missing. If a parameter is a list of names, its arrays are joined, one after the other.
    """

    file: str | Path
    root: str | Path
    x: ArrayNames = "x_train"
    y: ArrayNames = "y_train"
    test_x: ArrayNames = "x_test"
    test_y: ArrayNames = "y_test"
    channels_first: bool = False
    class_names: Sequence[str] = ()
    available_from: str | None = None

    def __post_init__(self) -> None:
        names = {"x": self.x, "y": self.y, "test_x": self.test_x, "test_y": self.test_y}
        self.names = {parameter: _as_name_tuple(value) for parameter, value in names.items()}

    def items(self) -> Iterator[Item]:
        """Yield every row in order, the test split last; raises PoolError naming file, array, row and remedy."""
        file = absolute_path(self.file)
        if not file.exists():
            raise PoolError(
                f"{file} does not exist; it should contain the arrays "
                f"{', '.join(chain.from_iterable(self.names.values()))}."
                f"{where_to_download(self.available_from)} Set pool.file to where it is."
            )
        try:
            splits = [self._find_split(file, "train", "x", "y")]
            if self.names["test_x"]:
                splits.append(self._find_split(file, "test", "test_x", "test_y"))
            root = absolute_path(self.root) / _folder_name(file, splits, self.channels_first)
            with Bar("Writing images", total=sum(map(len, splits)), unit="img") as bar:
                for split in splits:
                    split.write_missing(root, bar)
        except FormatError as error:
            raise PoolError(f"{error}{where_to_download(self.available_from)}") from error
        except OSError as error:
            raise PoolError(f"{self.root} cannot be written: {error}. Set pool.root to a writable folder.") from error
        for split in splits:
            for row, label in enumerate(split.labels):
                name = split.file_name(row)
                yield Item(name, root / name, label, split="test" if split.folder == "test" else "pool")

    def _find_split(self, file: Path, folder: str, x: str, y: str) -> _Split:
        arrays = [_find_array_for(file, name, x) for name in self.names[x]]
        if not arrays:
            raise PoolError("pool.x is not given. Set it to the name of the array that holds the images.")
        for array in arrays:
            if len(array.shape) not in (3, 4) or 0 in array.shape[1:] or array.dtype.kind not in "buif":
                embeddings = " For embeddings (N, D), use alframe.simulate or alframe.Campaign in Python."
                raise PoolError(
                    f"{array} is {array.shape} {array.dtype}, not images: (N, height, width) or (N, height, width, "
                    f"bands) of numbers. Set pool.{x} to the array that holds them, or save it in that shape."
                    f"{embeddings if len(array.shape) == 2 else ''}"
                )
        count = sum(array.shape[0] for array in arrays)
        if not self.names[y]:
            return _Split(folder, arrays, [None] * count, self.channels_first)
        label_arrays = [_find_array_for(file, name, y) for name in self.names[y]]
        labels = [label for array in label_arrays for label in _read_labels(array, self.class_names)]
        if len(labels) != count:
            raise PoolError(
                f"{file}: {', '.join(self.names[x])} has {count} rows, but {', '.join(self.names[y])} has "
                f"{len(labels)}. Set pool.{x} and pool.{y} to arrays that belong together."
            )
        return _Split(folder, arrays, labels, self.channels_first)


@dataclass(frozen=True, slots=True)
class _Split:
    """The arrays of one split, whose rows are written below `folder`, and the label of each row."""

    folder: str
    arrays: list[StoredArray]
    labels: list[str | None]
    channels_first: bool

    def __len__(self) -> int:
        return len(self.labels)

    def file_name(self, row: int) -> str:
        return f"{self.folder}/{row // FILES_PER_FOLDER:03d}/{row:06d}{self.suffix}"

    @property
    def suffix(self) -> str:
        """The suffix of a file type that can store the rows of all arrays."""
        band_axis = 1 if self.channels_first else 3
        bands = {array.shape[band_axis] if len(array.shape) == 4 else 1 for array in self.arrays}
        return ".png" if bands <= {1, 3} and all(array.dtype == np.uint8 for array in self.arrays) else ".npy"

    def write_missing(self, root: Path, bar: Bar) -> None:
        """Write the files that do not exist; two processes never write at once."""
        missing = self._missing_rows(root)
        bar.advance(len(self) - len(missing))
        if not missing:
            return
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root.with_name(f".{root.name}.lock")):
            missing = self._missing_rows(root)  # another job of the same sweep may just have written them
            first = 0
            for array in self.arrays:
                rows = [row - first for row in missing if first <= row < first + array.shape[0]]
                for row, pixels in _read_rows(array, rows):
                    self._write_image(root / self.file_name(first + row), pixels)
                    bar.advance()
                first += array.shape[0]

    def _write_image(self, path: Path, pixels: npt.NDArray[Any]) -> None:
        if self.channels_first and pixels.ndim == 3:
            pixels = pixels.transpose(1, 2, 0)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_bytes(_encode_image(pixels, self.suffix))
        replace_file(temporary, path)

    def _missing_rows(self, root: Path) -> list[int]:
        """Return the rows without a file, or with an empty file, which a power cut can leave."""
        missing = []
        for rows in row_slices(len(self), FILES_PER_FOLDER):
            folder = (root / self.file_name(rows.start)).parent
            existing = {entry.name for entry in os.scandir(folder) if entry.stat().st_size} if folder.exists() else ()
            numbers = range(rows.start, rows.stop)
            missing += [row for row in numbers if self.file_name(row).rpartition("/")[2] not in existing]
        return missing


def _read_rows(array: StoredArray, rows: Sequence[int]) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Yield (number, row) of these rows, which must be in ascending order. Nothing after the last row is read."""
    if not rows:
        return
    remaining, start = deque(rows), rows[0]
    for block in array.read_from(start):
        while remaining and remaining[0] < start + len(block):
            yield remaining[0], block[remaining.popleft() - start]
        if not remaining:
            return
        start += len(block)


def _encode_image(pixels: npt.NDArray[Any], suffix: str) -> bytes:
    buffer = io.BytesIO()
    if suffix == ".npy":
        np.save(buffer, pixels, allow_pickle=False)
    else:
        from PIL import Image

        plane = pixels.squeeze(2) if pixels.shape[2:] == (1,) else pixels
        Image.fromarray(np.ascontiguousarray(plane)).save(buffer, "PNG")
    return buffer.getvalue()


def _find_array_for(file: Path, name: str, parameter: str) -> StoredArray:
    try:
        return find_array(file, name)
    except FormatError as error:
        raise FormatError(f"{error} Set pool.{parameter} to an existing one, or add it.") from error


def _read_labels(array: StoredArray, class_names: Sequence[str]) -> list[str | None]:
    values = array.read_all()
    if values.ndim == 2 and values.shape[1] > 1:
        if values.dtype.kind not in "buif" or not ((values == 0) | (values == 1)).all() or (values.sum(1) != 1).any():
            raise PoolError(f"{array} is {array.shape} but not one-hot: a row of several numbers must mark one class.")
        values = values.argmax(1)
    if values.ndim > 2 or values.size != len(values):
        raise PoolError(f"{array} is {array.shape}: must have one class for each row.")
    values = values.reshape(-1)
    if values.dtype.kind not in "buif":
        texts = [value.decode("utf-8") if isinstance(value, bytes) else str(value) for value in values.tolist()]
        return [text.strip() or None for text in texts]
    last = len(class_names) - 1 if class_names else np.inf
    is_class = (values >= 0) & (values <= last) & (values == np.floor(values))  # False for nan
    if not is_class.all():
        row = is_class.argmin()
        named = f"the number of one of the {len(class_names)} pool.class_names"
        allowed = named if class_names else "a class number from 0"
        raise PoolError(f"{array}, row {row} (from 0) is {values[row]}, which is not {allowed}.")
    return [class_names[number] if class_names else str(number) for number in values.astype(np.int64).tolist()]


def _folder_name(file: Path, splits: Sequence[_Split], channels_first: bool) -> str:
    """Return a folder name that no other arrays have, so that other or changed files get a separate folder."""
    digest = hashlib.blake2b(digest_size=4)
    for array in chain.from_iterable(split.arrays for split in splits):
        stat = array.file.stat()
        digest.update(repr((array.file.name, array.name, stat.st_size, stat.st_mtime_ns, channels_first)).encode())
    return f"{file.stem}-{digest.hexdigest()}"


def _as_name_tuple(names: ArrayNames) -> tuple[str, ...]:
    several = [names] if names is None or isinstance(names, str) else names
    return tuple(name for name in several if name is not None)  # y=null among several is [null]
