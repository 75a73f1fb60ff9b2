"""Benchmark sets that come as arrays: each row becomes a file, once, and from then on is an image as any other."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from alframe.errors import FormatError, PoolError
from alframe.formats.arrays import StoredArray, find_array
from alframe.kit.image_paths import absolute_path, download_hint
from alframe.progress import Bar
from alframe.types import Item

Names = str | Sequence[str] | None
_TOGETHER = 1000  # files in a folder: file browsers choke on more


class Arrays:
    """The rows of `x`, (N, H, W) or (N, H, W, bands), with the classes `y`; `test_x` and `test_y` are the test split.

    `file` is an .npz, an HDF5 file, or a folder of arrays (.npy, idx files packed or not, or those two). Several names
    are several arrays, one after the other. On first use each row is written below `root`, in a folder for just these
    arrays: ``train/012/012345.png``, or ``.npy`` where a PNG cannot hold it. A kill costs nothing that is written.
    `y` are numbers from 0, one-hot rows or names; None: not labelled. `class_names` are those of the numbers.
    """

    def __init__(
        self,
        file: str | Path,
        root: str | Path,
        x: Names = "x_train",
        y: Names = "y_train",
        test_x: Names = "x_test",
        test_y: Names = "y_test",
        channels_first: bool = False,
        class_names: Sequence[str] = (),
        available_from: str | None = None,
    ) -> None:
        self.file = Path(file)
        self.root = Path(root)
        self.names = {"x": _tuple(x), "y": _tuple(y), "test_x": _tuple(test_x), "test_y": _tuple(test_y)}
        self.channels_first = channels_first
        self.class_names = tuple(class_names)
        self.available_from = available_from

    def items(self) -> Iterator[Item]:
        """Every row in order, the test split last; raises PoolError naming file, array, row and remedy."""
        file = absolute_path(self.file)
        if not file.exists():
            raise PoolError(
                f"{file} does not exist, which is to hold {', '.join(chain.from_iterable(self.names.values()))}."
                f"{download_hint(self.available_from)} Set pool.file to where it is."
            )
        try:
            parts = [self._part(file, "train", "x", "y")]
            if self.names["test_x"]:
                parts.append(self._part(file, "test", "test_x", "test_y"))
            root = absolute_path(self.root) / _key(file, parts, self.channels_first)
            with Bar("Writing images", total=sum(map(len, parts)), unit="img") as bar:
                for part in parts:
                    part.write(root, bar)
        except FormatError as error:
            raise PoolError(f"{error}{download_hint(self.available_from)}") from error
        except OSError as error:
            raise PoolError(f"{self.root} cannot be written: {error}. Set pool.root to a folder that can.") from error
        for part in parts:
            for number, label in enumerate(part.labels):
                name = part.place(number)
                yield Item(name, root / name, label, split=part.split)

    def _part(self, file: Path, folder: str, x: str, y: str) -> _Part:
        images = [_found(file, name, x) for name in self.names[x]]
        if not images:
            raise PoolError("pool.x is not given. Set it to the name of the array that holds the images.")
        for one in images:
            if len(one.shape) not in (3, 4) or one.dtype.kind not in "buif":
                raise PoolError(
                    f"{one} is {one.shape} {one.dtype}, not images: (N, height, width) or (N, height, width, bands) of "
                    f"numbers. Set pool.{x} to the array that holds them, or save it in that shape."
                )
        count = sum(one.shape[0] for one in images)
        labels: list[str | None] = [None] * count
        if self.names[y]:
            stored = [_found(file, name, y) for name in self.names[y]]
            labels = list(chain.from_iterable(_labels(one, self.class_names) for one in stored))
            if len(labels) != count:
                raise PoolError(
                    f"{file}: {', '.join(self.names[x])} has {count} rows, but {', '.join(self.names[y])} has "
                    f"{len(labels)}. Set pool.{x} and pool.{y} to arrays that belong together."
                )
        return _Part(folder, "test" if folder == "test" else "pool", images, labels, self.channels_first)


@dataclass(frozen=True, slots=True)
class _Part:
    folder: str
    split: Literal["pool", "test"]
    images: list[StoredArray]
    labels: list[str | None]
    channels_first: bool

    def __len__(self) -> int:
        return len(self.labels)

    def place(self, number: int) -> str:
        return f"{self.folder}/{number // _TOGETHER:03d}/{number:06d}{self.suffix}"

    @property
    def suffix(self) -> str:
        """What holds the rows of all the arrays."""
        return ".png" if all(map(self._fits_png, self.images)) else ".npy"

    def _fits_png(self, one: StoredArray) -> bool:
        bands = 1 if len(one.shape) == 3 else one.shape[1 if self.channels_first else 3]
        return one.dtype == np.uint8 and bands in (1, 3)

    def write(self, root: Path, bar: Bar) -> None:
        """Write the rows that are not there; two processes never write at once."""
        missing = self._missing(root)
        bar.advance(len(self) - len(missing))
        if not missing:
            return
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root.with_name(f".{root.name}.lock")):
            missing = self._missing(root)  # the jobs of a sweep start together, and one of them has written them
            first = 0
            for one in self.images:
                rows = [number - first for number in missing if first <= number < first + one.shape[0]]
                for row, pixels in _rows(one, rows):
                    self._write(root / self.place(first + row), pixels)
                    bar.advance()
                first += one.shape[0]

    def _write(self, path: Path, pixels: npt.NDArray[Any]) -> None:
        if self.channels_first and pixels.ndim == 3:
            pixels = pixels.transpose(1, 2, 0)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_bytes(_encoded(pixels, self.suffix))
        temporary.replace(path)

    def _missing(self, root: Path) -> list[int]:
        """The rows without a file, or with an empty one, as a power cut leaves them."""
        missing = []
        for start in range(0, len(self), _TOGETHER):
            numbers = range(start, min(start + _TOGETHER, len(self)))
            there = _files((root / self.place(start)).parent)
            missing += [number for number in numbers if self.place(number).rpartition("/")[2] not in there]
        return missing


def _rows(one: StoredArray, wanted: Sequence[int]) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """(number, row) of those wanted, in order; what lies after the last is not read."""
    if not wanted:
        return
    left, at = iter(wanted), wanted[0]
    number: int | None = next(left)
    for block in one.rows(at):
        while number is not None and number < at + len(block):
            yield number, block[number - at]
            number = next(left, None)
        if number is None:
            return
        at += len(block)


def _encoded(pixels: npt.NDArray[Any], suffix: str) -> bytes:
    out = io.BytesIO()
    if suffix == ".npy":
        np.save(out, pixels, allow_pickle=False)
    else:
        from PIL import Image

        plane = pixels.squeeze(2) if pixels.shape[2:] == (1,) else pixels
        Image.fromarray(np.ascontiguousarray(plane)).save(out, "PNG")
    return out.getvalue()


def _files(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.stat().st_size}
    except FileNotFoundError:
        return set()


def _found(file: Path, name: str, parameter: str) -> StoredArray:
    try:
        return find_array(file, name)
    except FormatError as error:
        raise FormatError(f"{error} Set pool.{parameter} to one that is there, or put it there.") from error


def _labels(stored: StoredArray, classes: Sequence[str]) -> list[str | None]:
    values = stored.all()
    if values.ndim == 2 and values.shape[1] > 1:
        if values.dtype.kind not in "buif" or not ((values == 0) | (values == 1)).all() or (values.sum(1) != 1).any():
            raise PoolError(f"{stored} is {stored.shape} and not one-hot: no row of several numbers says one class.")
        values = values.argmax(1)
    if values.ndim > 2 or values.size != len(values):
        raise PoolError(f"{stored} is {stored.shape}, not one class for each row.")
    values = values.reshape(-1)
    if values.dtype.kind not in "buif":
        texts = [value.decode("utf-8") if isinstance(value, bytes) else str(value) for value in values.tolist()]
        return [text.strip() or None for text in texts]
    last = len(classes) - 1 if classes else np.inf
    # nan as well
    wrong = np.flatnonzero(~((values >= 0) & (values <= last) & (values == np.floor(values))))
    if len(wrong):
        known = f"the number of one of the {len(classes)} pool.class_names" if classes else "a class number from 0"
        raise PoolError(f"{stored}, row {wrong[0]} (from 0) is {values[wrong[0]]}, which is not {known}.")
    return [classes[number] if classes else str(number) for number in values.astype(np.int64).tolist()]


def _key(file: Path, parts: Sequence[_Part], channels_first: bool) -> str:
    """A folder name that no other arrays have: another file, or one that was changed, is written beside it."""
    digest = hashlib.blake2b(digest_size=4)
    for one in chain.from_iterable(part.images for part in parts):
        found = one.file.stat()
        digest.update(repr((one.file.name, one.name, found.st_size, found.st_mtime_ns, channels_first)).encode())
    return f"{file.stem}-{digest.hexdigest()}"


def _tuple(names: Names) -> tuple[str, ...]:
    several = [names] if names is None or isinstance(names, str) else names
    return tuple(name for name in several if name is not None)  # y=null among several is [null]
