"""Embed the images that are not embedded yet. The pool is cut into shards, and each image is decoded once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.chunks import row_slices
from alframe.contracts import Compute
from alframe.engine.embedding.feature_source import FeatureSource, NetworkChanged
from alframe.engine.embedding.moved_files import recognise_moved_files
from alframe.errors import BadOutput, EngineError, PoolError
from alframe.progress import Bar, track
from alframe.store.features import FeatureStore
from alframe.store.file_cache import FileCache, FileContent, file_keys
from alframe.store.files import require_free_space
from alframe.store.pool_features import gather_pool_features
from alframe.types import Bools, Floats, Item

if TYPE_CHECKING:
    from alframe.data.loading import Batch
    from alframe.engine.embedding.embedder import Embedder

SHARD_SIZE = 512  # images; what a kill costs at most
MIN_POOL_PARTS = 128  # in which a pool is embedded at least, if its images fill so many batches
BYTES_PER_FLOAT = 4
# From all items, and batches as positions in them, to each batch and the features (g, D) of its readable images.
ProcessBatches = Callable[[Sequence[Item], Sequence[Sequence[int]]], Iterator[tuple["Batch", Floats]]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PoolEmbedding:
    """Features (N, D) of all items by key; those in `unreadable` (key -> reason) have zeros.

    `damaged` (key -> what is missing) are images that are used although a part of them is lost.
    """

    features: Floats
    unreadable: Mapping[int, str]
    content_hashes: Sequence[bytes | None]  # (N,) of what each file held when it was read
    damaged: Mapping[int, str] = field(default_factory=dict)

    @property
    def is_readable(self) -> Bools:
        """(N,) whether the row of `features` is an embedding, and not zeros."""
        mask = np.ones(len(self.features), bool)
        mask[list(self.unreadable)] = False
        return mask


@dataclass(slots=True)
class ShardResult:
    """The result for a shard: contents by item, features of the readable images, difference hashes by content."""

    contents: list[FileContent] = field(default_factory=list)
    features: list[Floats] = field(default_factory=list)  # of each batch (g, D)
    difference_hashes: dict[bytes, bytes] = field(default_factory=dict)


def update_pool_embedding(
    items: Sequence[Item],
    is_present: Bools,
    embedder: FeatureSource,
    open_store: Callable[[str], FeatureStore],
    file_cache: FileCache,
    compute: Compute,
) -> tuple[FeatureSource, PoolEmbedding]:
    """Bring the store of the embedder's fingerprint up to date, and gather the features of all items.

    `is_present` (N,) says which items are still in the pool. Other items keep their earlier features. If the inference
    engine fails on its first batch and was not chosen by name, the next engine is used. Returns the embedder that
    computed the features. Raises EngineError if no engine can run the network, PoolError if no image can be read, and
    BadOutput if the network gives no finite number.
    """
    while True:
        try:
            store = open_store(embedder.fingerprint)
            return embedder, _embed_missing(items, is_present, embedder, store, file_cache, compute)
        except NetworkChanged as change:
            embedder = change.embedder
        except EngineError as error:
            following = embedder.build().next_fallback()
            if following is None:
                raise
            log.warning("%s Continuing with %s.", error, following.runner.inference)
            embedder = following


def _embed_missing(
    items: Sequence[Item],
    is_present: Bools,
    source: FeatureSource,
    store: FeatureStore,
    cache: FileCache,
    compute: Compute,
) -> PoolEmbedding:
    # Shards are cut from the whole pool, not from what is missing, and are stored whole, so that an interrupted pass
    # forms the same batches when it goes on, and ends with the same bits.
    files = track(file_keys(items), "Looking for changes", total=len(items), unit="img")
    contents = cache.look_up_files(files, is_present)
    recognise_moved_files(items, contents, cache)
    shards = _missing_keys_by_shard(contents, store, compute.batch_size)
    if not shards:
        return _collect_embedding(contents, store)
    from alframe.engine.embedding.embedder import embed_batches
    from alframe.engine.embedding.runner import suggest_engine

    embedder = source.build()
    if not store.width and (
        advice := suggest_engine(embedder.runner.inference, embedder.device, sum(map(len, shards)))
    ):
        log.info("%s", advice)
    shard_items = [[items[key] for key in shard] for shard in shards]
    require_free_space(store.folder, sum(map(len, shards)) * embedder.dim * BYTES_PER_FLOAT)
    embed = partial(embed_batches, embedder, workers=compute.worker_count())
    not_finite = 0  # readable images before the first that can be embedded
    function = partial(process_shards, "Embedding images", embed, compute.batch_size)
    for shard, result in zip(shards, map_shards_checked(compute, function, shard_items), strict=True):
        shard_contents = _store_shard(result, store, embedder)
        if not store.width:
            not_finite += sum(content.reason is None for content in result.contents)
            if not_finite >= SHARD_SIZE:
                _refuse_network(not_finite, embedder)
        cache.remember_difference_hashes(result.difference_hashes, embedder.input_spec)
        by_key = dict(zip(shard, shard_contents, strict=True))
        cache.remember([(items[key], content) for key, content in by_key.items()])
        for key, content in by_key.items():
            contents[key] = content
    if not_finite and not store.width:
        _refuse_network(not_finite, embedder)
    return _collect_embedding(contents, store)


def map_shards_checked(
    compute: Compute,
    function: Callable[[Sequence[Sequence[Item]]], Iterator[ShardResult]],
    shards: Sequence[list[Item]],
) -> Iterator[ShardResult]:
    """Yield the compute's result for each shard. Raises BadOutput for a missing, additional or wrong result."""
    count = 0
    for result in compute.map_shards(function, shards):
        count += 1
        right = count <= len(shards) and isinstance(result, ShardResult)
        if not right or len(result.contents) != len(shards[count - 1]):
            _refuse_results(compute, f"gives {type(result).__name__} as result {count} of {len(shards)}")
        yield result
    if count < len(shards):
        _refuse_results(compute, f"gives {count} results for {len(shards)} shards")


def _refuse_results(compute: Compute, fault: str) -> NoReturn:
    raise BadOutput(
        f"{REGISTRIES['compute'].describe_built(compute)} {fault}, in their order. Report it to its maintainer, or "
        "choose compute=local."
    )


def _store_shard(result: ShardResult, store: FeatureStore, embedder: Embedder) -> list[FileContent]:
    """Store a shard's features, and return its contents. An image whose features are not finite is unreadable."""
    contents = list(result.contents)
    readable = [row for row, content in enumerate(contents) if content.reason is None]
    finite = store.add([_require_hash(contents[row]) for row in readable], np.concatenate(result.features))
    for row in np.array(readable, np.int64)[~finite].tolist():
        # Without a stamp: another network may embed it, so nobody holds it against the file.
        contents[row] = FileContent(contents[row].content_hash, embedder.not_finite_reason, None)
    return contents


def _refuse_network(count: int, embedder: Embedder) -> NoReturn:
    raise BadOutput(
        f"None of the first {count} images can be embedded: {embedder.not_finite_reason}. If it was fine-tuned, the "
        "training diverged: lower its learning rate (finetune.first.lr), or choose another backbone."
    )


def process_shards(
    title: str, process: ProcessBatches, batch_size: int, shards: Sequence[Sequence[Item]]
) -> Iterator[ShardResult]:
    """Yield the result of `process` for each shard.

    A batch never crosses the end of a shard, so the bits of a shard do not depend on other shards.
    """
    items = [item for shard in shards for item in shard]
    batches, ends = cut_batches([len(shard) for shard in shards], batch_size)
    with Bar(title, total=len(items), unit="img") as bar:
        result = ShardResult()
        for batch, features in process(items, batches):
            result.contents += [
                FileContent(read.content_hash, read.reason, read.stamp, read.damage) for read in batch.results
            ]
            result.features.append(features)
            result.difference_hashes |= batch.hash_by_content
            bar.advance(len(batch.rows), read=batch.file_bytes, written=features.nbytes)
            if batch.rows[-1] + 1 in ends:
                yield result
                result = ShardResult()


def cut_batches(shard_sizes: Sequence[int], batch_size: int) -> tuple[list[range], set[int]]:
    """Return the batches of positions into which adjacent shards are cut, and where each shard ends."""
    ends = list(accumulate(shard_sizes))
    return [
        range(start + rows.start, start + rows.stop)
        for start, end in pairwise([0, *ends])
        for rows in row_slices(end - start, batch_size)
    ], set(ends)


def _missing_keys_by_shard(
    contents: Sequence[FileContent | None], store: FeatureStore, batch_size: int
) -> list[list[int]]:
    """Return the keys of the images to read, by shard. Shards without such images are left out.

    If few images are left, a shard is cut between two batches, so that the work is stored every few seconds even on a
    slow processor. The batches are the same as without the cut.
    """
    done = np.array([content is not None for content in contents], bool)
    readable = [key for key, content in enumerate(contents) if content and content.reason is None]
    done[readable] = store.which_are_stored([_require_hash(contents[key]) for key in readable])
    missing = np.flatnonzero(~done)
    shards = np.split(missing, np.flatnonzero(np.diff(missing // SHARD_SIZE)) + 1)
    rows = batch_size * max(1, len(missing) // (MIN_POOL_PARTS * batch_size))
    return [shard[part].tolist() for shard in shards for part in row_slices(len(shard), rows)]


def _collect_embedding(contents: Sequence[FileContent | None], store: FeatureStore) -> PoolEmbedding:
    unreadable = {key: content.reason for key, content in enumerate(contents) if content and content.reason is not None}
    if len(unreadable) == len(contents):
        first_reason = next(iter(unreadable.values()), "the pool is empty")
        raise PoolError(f"None of the {len(contents)} images can be read. The first: {first_reason}")
    hashes = [None if content is None else content.content_hash for content in contents]
    stored = [None if key in unreadable else _require_hash(content) for key, content in enumerate(contents)]
    damaged = {key: content.damage for key, content in enumerate(contents) if content and content.damage is not None}
    return PoolEmbedding(gather_pool_features(store, stored), unreadable, hashes, damaged)


def _require_hash(content: FileContent | None) -> bytes:
    if content is None or content.content_hash is None:
        raise ValueError("an image without content has no features")
    return content.content_hash
