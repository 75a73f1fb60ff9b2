"""A pool of any size without pictures: its files are empty, and its features are drawn at random.

Everything else is real: the loop, the ledger, the caches and their files. Only decoding and embedding are left out,
which have their own benchmark.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np

from alframe.app.api import open_session
from alframe.contracts import Compute, Pool
from alframe.engine.embedding.embed_pool import ShardResult
from alframe.loop.session import Session
from alframe.store.file_cache import FileContent
from alframe.types import Floats, Item

CLASSES = 10
BURST = 3  # images of a sequence
BLOCK = 512  # images whose features are drawn at once
CAMERA = 1000  # images of a camera, which are a folder
START = datetime(2024, 5, 1, 6)


@dataclass(frozen=True)
class MadePool:
    """A pool of `count` empty files of 10 unequal classes, in bursts of three, a thousand images per camera."""

    root: Path
    count: int

    synthetic: ClassVar[bool] = True  # where people label, what it shows is theirs to say

    def items(self) -> Iterator[Item]:
        classes = np.sort(np.random.default_rng(0).dirichlet(np.ones(CLASSES)))[::-1].cumsum()
        shown = np.searchsorted(classes / classes[-1], np.random.default_rng(1).random(self.count // BURST + 1))
        for number in range(self.count):
            burst, name = number // BURST, _name_image(number)
            camera = name.partition("/")[0]
            yield Item(
                id=name,
                path=self.root / name,
                label=f"class-{shown[burst]}",
                camera=camera,
                taken=START + timedelta(minutes=10 * burst, seconds=number % BURST),
                sequence=f"burst-{burst:07d}",
            )

    def write(self) -> None:
        """Make the missing files."""
        for first in range(0, self.count, CAMERA):
            folder = self.root / f"camera-{first // CAMERA:04d}"
            if not folder.exists():
                folder.mkdir(parents=True)
                for number in range(first, min(first + CAMERA, self.count)):
                    (folder / f"IMG_{number:07d}.JPG").touch()


@dataclass(frozen=True)
class MadeCompute:
    """Makes the features of each shard without reading the pictures: a cluster for each class."""

    dim: int
    batch_size: int = 32

    def device(self) -> str:
        return "cpu"

    def worker_count(self) -> int:
        return 0

    def map_shards(
        self, function: Callable[[Sequence[Any]], Iterator[Any]], shards: Sequence[Sequence[Item]]
    ) -> Iterator[Any]:
        centres = np.random.default_rng(2).normal(size=(CLASSES, self.dim)).astype(np.float32)
        for shard in shards:
            readings, rows, noise = [], [], []
            for item in shard:
                found = item.path.stat()
                content = hashlib.blake2b(item.id.encode(), digest_size=16).digest()
                readings.append(FileContent(content, None, (found.st_size, found.st_mtime_ns)))
                rows.append(int(str(item.label).rpartition("-")[2]))
                block, place = divmod(int(item.id[-11:-4]), BLOCK)
                noise.append(_draw_noise(block, self.dim)[place])
            features: Floats = centres[rows] + 2 * np.stack(noise)
            yield ShardResult(readings, [features])


@lru_cache(maxsize=4)
def _draw_noise(block: int, dim: int) -> Floats:
    """Return the noise (BLOCK, D) of consecutive images, which does not depend on the shards of the pool."""
    first = _name_image(block * BLOCK)
    seed = int.from_bytes(hashlib.blake2b(first.encode(), digest_size=8).digest(), "little")
    return np.random.default_rng(seed).standard_normal((BLOCK, dim), np.float32)


def _name_image(number: int) -> str:
    return f"camera-{number // CAMERA:04d}/IMG_{number:07d}.JPG"


def open_made(root: Path, count: int, dim: int, *words: str) -> Session:
    """Return a campaign on `count` such images with `dim` features below `root`; `words` are from the command line."""
    pool = MadePool(root / "images", count)
    pool.write()
    session = open_session(
        "pool=folder",
        f"pool.root={pool.root.as_posix()}",
        "backbone=timm",  # of which nothing but the name is used
        "backbone.model=test_resnet",
        "backbone.pretrained=false",
        "backbone.size=32",
        "head=linear",
        "loss=softmax",
        "finetune.start=null",
        "start.sampler=random",
        "compare.sampler=null",
        "exporter=[]",
        "tracker=[]",
        f"runs={(root / 'runs').as_posix()}",
        *words,
    )
    session.parts.pool = cast(Pool, pool)
    session.parts.compute = cast(Compute, MadeCompute(dim))
    return session
