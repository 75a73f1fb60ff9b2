"""Read batches of pixels in worker processes. Only the batches that are being processed are in memory."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from alframe import drives
from alframe.data.decode import DecodedImage, ImageFile, Pixels
from alframe.data.drive_failures import DriveFailures
from alframe.data.hashing import difference_hash
from alframe.data.parent_watch import end_silently_at_sigterm, end_with_parent, hold_back_interrupts
from alframe.data.reasons import NO_SUCH_FILE
from alframe.drives import has_files
from alframe.errors import PoolError
from alframe.types import Box, InputSpec, Item, pool_root


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch of images.

    `rows` (b,) are positions in the items. `results` (b,) are the results of decoding, without the pixels. `pixels`
    (g, size, size, channels) are the pixels of the `readable_rows` (g,).
    """

    rows: list[int]
    pixels: torch.Tensor
    results: list[DecodedImage]

    @property
    def readable_rows(self) -> list[int]:
        return [row for row, result in zip(self.rows, self.results, strict=True) if result.reason is None]

    @property
    def file_bytes(self) -> int:
        return sum(result.stamp[0] for result in self.results if result.stamp)

    @property
    def hash_by_content(self) -> dict[bytes, bytes]:
        """The difference hash of each content hash that has one."""
        return {r.content_hash: r.difference_hash for r in self.results if r.content_hash and r.difference_hash}


@dataclass(frozen=True, slots=True)
class ImageToRead:
    """One image to read: its row, its file, its box, and the seed of its augmentation (None: no augmentation)."""

    row: int
    path: Path
    box: Box | None
    seed: int | None = None


ImageReader = Callable[[ImageFile, ImageToRead], DecodedImage]  # runs in the workers, so it must be picklable


@dataclass(frozen=True, slots=True)
class PlainReader:
    """A reader that decodes an image without augmentation, and computes its difference hash."""

    spec: InputSpec

    def __call__(self, file: ImageFile, image: ImageToRead) -> DecodedImage:
        decoded = file.decode(self.spec, image.box)
        if decoded.pixels is None:
            return decoded
        return replace(decoded, difference_hash=difference_hash(decoded.pixels))


def load_batches(
    items: Sequence[Item], spec: InputSpec, batches: Sequence[Sequence[int]], workers: int
) -> Iterator[Batch]:
    """Yield decoded batches of positions in `items`, in order; `workers` processes (0: this one). Raises PoolError."""
    images = ([ImageToRead(row, items[row].path, items[row].box) for row in rows] for rows in batches)
    return raise_if_drive_fails(stream_batches(PlainReader(spec), spec, images, min(workers, len(batches))), items)


def raise_if_drive_fails(batches: Generator[Batch], items: Sequence[Item]) -> Iterator[Batch]:
    """Yield the batches of positions in `items` unchanged. Raise PoolError if a drive fails for too many of them."""
    failures, root = DriveFailures(len(items)), pool_root(items)
    with closing(batches):
        for batch in batches:
            for row, result in zip(batch.rows, batch.results, strict=True):
                # Of a drive that is taken off, other systems than Windows say no more than that there is no such file.
                is_gone = result.reason == NO_SUCH_FILE and root is not None and not has_files(root)
                failures.note_read(items[row].path, result.reason if result.drive_failed or is_gone else None)
            yield batch
    failures.warn()


def stream_batches(
    reader: ImageReader, spec: InputSpec, batches: Iterable[list[ImageToRead]], workers: int
) -> Generator[Batch]:
    """Read batches of images, in order, with `workers` processes. Closing the iterator ends these processes."""
    loader = DataLoader(
        _BatchDataset(reader, spec),
        batch_sampler=batches,  # any iterable of lists will do
        num_workers=workers,
        collate_fn=_keep_raw_batch,  # type: ignore[arg-type]  # its stub knows lists only
        worker_init_fn=_start_worker,
        multiprocessing_context=_start_method() if workers else None,
        generator=torch.Generator(),  # else the loader draws from the global one
    )
    with hold_back_interrupts():
        raw_batches = iter(loader)
    while True:
        try:
            rows, pixels, results = next(raw_batches)
        except StopIteration:
            return
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise PoolError(
                f"A process that decodes images died ({error}), probably because memory ran out. Use fewer processes, "
                "e.g. compute.workers=1, or compute.workers=0 to decode in the main process."
            ) from error
        yield Batch(rows, torch.from_numpy(pixels), results)


def _start_method() -> str | None:
    """Return the start method of worker processes, or None for Python's default.

    In a job of joblib, the default is loky, which torch's loader cannot use.
    """
    default = multiprocessing.get_start_method(allow_none=True)
    if default in (None, "fork", "spawn", "forkserver"):
        return None
    return "fork" if sys.platform == "linux" else "spawn"


def normalise_pixels(pixels: torch.Tensor, spec: InputSpec, device: str) -> torch.Tensor:
    """Turn 0..255 (B, H, W, C) into (x / 255 - mean) / std, float32 (B, C, H, W) on `device`, channels_last."""
    x = pixels.to(device).permute(0, 3, 1, 2).to(torch.float32, copy=True)
    mean, std = (torch.tensor(values, device=device).view(1, -1, 1, 1) for values in (spec.mean, spec.std))
    return x.sub_(mean * 255).div_(std * 255)


RawBatch = tuple[list[int], Pixels, list[DecodedImage]]


class _BatchDataset(Dataset[RawBatch]):
    """A dataset that reads a batch at a time. Its "indices" are the images to read, so workers never hold the pool.

    Pixels are sent as NumPy arrays through a pipe, because torch's shared memory needs too many file descriptors on
    large machines, and too much of /dev/shm in containers.
    """

    def __init__(self, reader: ImageReader, spec: InputSpec) -> None:
        self.reader, self.spec = reader, spec

    def __getitems__(self, images: list[ImageToRead]) -> RawBatch:
        results = self._read(images)
        for pause in drives.RETRY_PAUSES:
            if not (failed := [at for at, result in enumerate(results) if result.drive_failed]):
                break
            time.sleep(pause)  # once for all of them: a drive that fails does so for many
            for at, result in zip(failed, self._read([images[at] for at in failed]), strict=True):
                results[at] = result
        arrays = [result.pixels for result in results if result.pixels is not None]
        dtype = np.uint8 if self.spec.value_range is None else np.float32
        pixels: Pixels = np.array(arrays, dtype).reshape(-1, self.spec.size, self.spec.size, self.spec.channels)
        return [image.row for image in images], pixels, [replace(result, pixels=None) for result in results]

    def _read(self, images: Sequence[ImageToRead]) -> list[DecodedImage]:
        results: list[DecodedImage] = []
        for path, boxes in groupby(images, lambda image: image.path):
            file = ImageFile(path)
            results += [self.reader(file, image) for image in boxes]
        return results


def _keep_raw_batch(raw: RawBatch) -> RawBatch:
    return raw


def _start_worker(_: int) -> None:
    # Ctrl-C reaches the whole process group; the main process answers it and ends the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_silently_at_sigterm()
    torch.set_num_threads(1)
    end_with_parent()
