"""Batches of pixels, decoded in worker processes; only the batches in flight are ever in memory."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from alframe.data.decode import Decoded, File, Pixels
from alframe.data.hashing import difference_hash
from alframe.errors import PoolError
from alframe.types import Box, InputSpec, Item


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch: `rows` are positions in the items, `good` those of them that are readable.

    `pixels` (len(good), size, size, channels), `contents`, `reasons`, `stamps` and `hashes` are as in Decoded, the last
    four one per row.
    """

    rows: list[int]
    pixels: torch.Tensor
    good: list[int]
    contents: list[bytes | None]
    reasons: list[str | None]
    stamps: list[tuple[int, int] | None]
    hashes: list[bytes | None]

    @property
    def size(self) -> int:
        """Bytes of the files that were read."""
        return sum(stamp[0] for stamp in self.stamps if stamp)

    @property
    def hashed(self) -> dict[bytes, bytes]:
        """The difference hash of each content that has one."""
        pairs = zip(self.contents, self.hashes, strict=True)
        return {content: one for content, one in pairs if content is not None and one is not None}


@dataclass(frozen=True, slots=True)
class Picture:
    """One image to read: its row, where it is, and the seed of its augmentation (None: as it is)."""

    row: int
    path: Path
    box: Box | None
    seed: int | None = None


Reader = Callable[[File, Picture], Decoded]  # runs in the workers, so it must be picklable


@dataclass(frozen=True, slots=True)
class Plain:
    """Reads a picture as it is, and takes its difference hash, by which near-duplicates are found."""

    spec: InputSpec

    def __call__(self, file: File, picture: Picture) -> Decoded:
        decoded = file.decode(self.spec, picture.box)
        return decoded if decoded.pixels is None else replace(decoded, hash=difference_hash(decoded.pixels))


def load(items: Sequence[Item], spec: InputSpec, batches: Sequence[Sequence[int]], workers: int) -> Iterator[Batch]:
    """The given batches of positions in `items`, each exactly as given and in order.

    `workers` processes decode ahead; 0: this one. Raises PoolError when a worker dies.
    """
    pictures = ([Picture(row, items[row].path, items[row].box) for row in rows] for rows in batches)
    return stream(Plain(spec), spec, pictures, min(workers, len(batches)))


def stream(reader: Reader, spec: InputSpec, batches: Iterable[list[Picture]], workers: int) -> Iterator[Batch]:
    """Read batches of pictures, in order, with `workers` processes; closing the iterator ends them."""
    loader = DataLoader(
        _Pictures(reader, spec),
        batch_sampler=batches,  # any iterable of lists will do
        num_workers=workers,
        collate_fn=_as_is,  # type: ignore[arg-type]  # its stub knows lists only
        worker_init_fn=_start_worker,
        generator=torch.Generator(),  # else the loader draws from the global one
    )
    steps = iter(loader)
    while True:
        try:
            rows, pixels, good, contents, reasons, stamps, hashes = next(steps)
        except StopIteration:
            return
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise PoolError(
                f"A process that decodes images died ({error}). Most often memory ran out: use fewer of them, "
                "e.g. compute.workers=1, or compute.workers=0 to decode in the main process."
            ) from error
        yield Batch(rows, torch.from_numpy(pixels), good, contents, reasons, stamps, hashes)


def normalise(pixels: torch.Tensor, spec: InputSpec, device: str) -> torch.Tensor:
    """0..255 (B, H, W, C) to float32 (B, C, H, W) on `device`, as (x / 255 - mean) / std, in channels_last memory."""
    x = pixels.to(device).permute(0, 3, 1, 2).to(torch.float32, copy=True)
    mean, std = (torch.tensor(values, device=device).view(1, -1, 1, 1) for values in (spec.mean, spec.std))
    return x.sub_(mean * 255).div_(std * 255)


Raw = tuple[
    list[int],
    Pixels,
    list[int],
    list[bytes | None],
    list[str | None],
    list[tuple[int, int] | None],
    list[bytes | None],
]


class _Pictures(Dataset[Raw]):
    """A batch at a time. The loader's "indices" are the pictures themselves, so workers never hold the pool.

    Pixels travel as NumPy arrays through a pipe: torch's shared memory runs out of descriptors on big machines and
    out of /dev/shm in containers.
    """

    def __init__(self, reader: Reader, spec: InputSpec) -> None:
        self.reader = reader
        self.spec = spec

    def __getitems__(self, pictures: list[Picture]) -> Raw:
        decoded: list[Decoded] = []
        for path, boxes in groupby(pictures, lambda picture: picture.path):
            file = File(path)
            decoded += [self.reader(file, picture) for picture in boxes]
        found = [(p.row, d.pixels) for p, d in zip(pictures, decoded, strict=True) if d.pixels is not None]
        kind = np.uint8 if self.spec.value_range is None else np.float32
        pixels: Pixels = np.empty((len(found), self.spec.size, self.spec.size, self.spec.channels), kind)
        for place, (_, array) in enumerate(found):
            pixels[place] = array
        return (
            [picture.row for picture in pictures],
            pixels,
            [row for row, _ in found],
            [one.content for one in decoded],
            [one.reason for one in decoded],
            [one.stamp for one in decoded],
            [one.hash for one in decoded],
        )


def _as_is(raw: Raw) -> Raw:
    return raw


def _start_worker(_: int) -> None:
    # Ctrl-C reaches the whole process group; the main process answers it and ends the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
