"""Embed what is not yet embedded: the pool is cut into shards, and each image is decoded once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from alframe.contracts import Compute
from alframe.engine.embedding.embedder import Embedder, embed_batches
from alframe.errors import BadOutput, EngineError, PoolError
from alframe.progress import Bar, track
from alframe.store.features import FeatureStore
from alframe.store.file_cache import FileCache, Reading
from alframe.store.files import check_room
from alframe.store.pool_features import gather
from alframe.types import Floats, Item

SHARD = 512  # images; what a kill costs at most
FLOAT = 4  # bytes of a number in the store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Embedding:
    """Features (N, D) of all items by position; those in `unreadable` (position -> reason) have zeros."""

    features: Floats
    unreadable: Mapping[int, str]
    contents: Sequence[bytes | None]  # (N,) what each file held, as a hash

    @property
    def readable(self) -> npt.NDArray[np.bool_]:
        """(N,) whether the row of `features` means something."""
        mask = np.ones(len(self.features), bool)
        mask[list(self.unreadable)] = False
        return mask


@dataclass(frozen=True, slots=True)
class ShardResult:
    """What embedding one shard gave: a reading each, features of the readable ones, difference hashes by content."""

    readings: list[Reading]
    features: Floats
    hashes: dict[bytes, bytes] = field(default_factory=dict)


def embed(
    items: Sequence[Item],
    present: npt.NDArray[np.bool_],
    embedder: Embedder,
    stores: Callable[[str], FeatureStore],
    contents: FileCache,
    compute: Compute,
) -> tuple[Embedder, Embedding]:
    """Bring the store of the embedder's fingerprint up to date, and gather the features of all items.

    `present` (N,) says which are in the pool or not any more; an image that is gone keeps those it had. Where the
    engine fails on its first batch and was not asked for by name, the next one takes over: the embedder given back is
    the one whose features these are. Raises EngineError if none can, PoolError if not one image can be read.
    """
    while True:
        try:
            store = stores(embedder.fingerprint)
            return embedder, _embed(items, present, embedder, store, contents, compute)
        except EngineError as error:
            following = embedder.stepped_back()
            if following is None:
                raise
            log.warning("%s Going on with %s.", error, following.runner.inference)
            embedder = following


def _embed(
    items: Sequence[Item],
    present: npt.NDArray[np.bool_],
    embedder: Embedder,
    store: FeatureStore,
    contents: FileCache,
    compute: Compute,
) -> Embedding:
    # Shards are cut from the whole pool, not from what is missing, and are stored whole, so that an interrupted pass
    # forms the same batches when it goes on, and ends with the same bits.
    readings = contents.known(track(items, "Looking for changes", total=len(items), unit="img"), present)
    shards = _unfinished(readings, store)
    parts = [[items[key] for key in shard] for shard in shards]
    check_room(store.folder, sum(map(len, parts)) * embedder.dim * FLOAT)
    work = partial(embed_shards, embedder, compute.batch_size, compute.workers())
    for shard, result in zip(shards, compute.map_shards(work, parts), strict=True):
        found = _store(result, store, embedder)
        contents.note_hashes(result.hashes, embedder.spec)
        contents.note([(items[key], reading) for key, reading in zip(shard, found, strict=True)])
        for key, reading in zip(shard, found, strict=True):
            readings[key] = reading
    return _gather(readings, store)


def _store(result: ShardResult, store: FeatureStore, embedder: Embedder) -> list[Reading]:
    """Store a shard's features; the readings, in which an image whose features are not finite is unreadable.

    Raises BadOutput if none is, nor any that is stored: then it is the network, and not the image.
    """
    good = [row for row, reading in enumerate(result.readings) if reading.reason is None and reading.content]
    finite = store.add([_content(result.readings[row]) for row in good], result.features)
    if len(good) and not finite.any() and not store.width:
        raise BadOutput(
            f"None of the first {len(good)} images can be embedded: {embedder.not_finite}. If it was fine-tuned, the "
            "training diverged: lower its learning rate (finetune.first.lr), or choose another backbone."
        )
    readings = list(result.readings)
    for row in np.array(good, np.int64)[~finite].tolist():
        # Without a stamp: another network may embed it, so nobody holds it against the file.
        readings[row] = Reading(readings[row].content, embedder.not_finite, None)
    return readings


def embed_shards(
    embedder: Embedder, batch_size: int, workers: int, shards: Sequence[Sequence[Item]]
) -> Iterator[ShardResult]:
    """Embed each shard; batches never reach over a shard's end, so a shard's bits depend on nothing else."""
    items = [item for shard in shards for item in shard]
    batches, ends = in_batches([len(shard) for shard in shards], batch_size)
    readings: list[Reading] = []
    features: list[Floats] = []
    hashes: dict[bytes, bytes] = {}
    end = iter(ends)
    upto = next(end, 0)
    with Bar("Embedding images", total=len(items), unit="img") as bar:
        for batch, embedded in embed_batches(embedder, items, batches, workers):
            readings += [Reading(*one) for one in zip(batch.contents, batch.reasons, batch.stamps, strict=True)]
            features.append(embedded)
            hashes |= batch.hashed
            bar.advance(len(batch.rows), read=batch.size, written=embedded.nbytes)
            if batch.rows[-1] + 1 == upto:
                yield ShardResult(readings, np.concatenate(features), hashes)
                readings, features, hashes, upto = [], [], {}, next(end, 0)


def in_batches(sizes: Sequence[int], batch_size: int) -> tuple[list[range], list[int]]:
    """Batches of the positions in shards of these sizes, side by side, and where each shard ends; none reaches over."""
    ends = list(accumulate(sizes))
    bounds = pairwise([0, *ends])
    return [range(at, min(at + batch_size, end)) for start, end in bounds for at in range(start, end, batch_size)], ends


def _unfinished(readings: Sequence[Reading | None], store: FeatureStore) -> list[list[int]]:
    """For each shard that has any, the keys still to be read."""
    done = np.array([reading is not None for reading in readings], bool)
    good = [key for key, reading in enumerate(readings) if reading and reading.reason is None]
    done[good] = store.has([_content(readings[key]) for key in good])
    missing = np.flatnonzero(~done)
    shards = np.split(missing, np.flatnonzero(np.diff(missing // SHARD)) + 1)
    return [shard.tolist() for shard in shards if len(shard)]


def _gather(readings: Sequence[Reading | None], store: FeatureStore) -> Embedding:
    unreadable = {key: reading.reason for key, reading in enumerate(readings) if reading and reading.reason is not None}
    if len(unreadable) == len(readings):
        first = next(iter(unreadable.values()), "the pool is empty")
        raise PoolError(f"None of the {len(readings)} images can be read. The first: {first}")
    contents = [None if reading is None else reading.content for reading in readings]
    good = [None if key in unreadable else _content(reading) for key, reading in enumerate(readings)]
    return Embedding(gather(store, good), unreadable, contents)


def _content(reading: Reading | None) -> bytes:
    if reading is None or reading.content is None:
        raise ValueError("an image without content has no features")
    return reading.content
