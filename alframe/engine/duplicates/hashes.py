"""The difference hashes of the pool, as they were taken in the pass that embedded it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from alframe.chunks import chunks
from alframe.contracts import Compute
from alframe.data.loading import load_batches
from alframe.engine.embedding.embed_pool import SHARD_SIZE, cut_batches
from alframe.progress import Bar
from alframe.store.file_cache import FileCache
from alframe.types import InputSpec, Item

log = logging.getLogger(__name__)


def collect_difference_hashes(
    items: Sequence[Item],
    content_hashes: Sequence[bytes | None],
    present: npt.NDArray[np.bool_],
    spec: InputSpec,
    cache: FileCache,
    compute: Compute,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """Return the difference hash of each of N items as an input `spec` sees it, and (N,) which have one.

    Images that were embedded before there were such hashes are read once more, and a line says so. One that is not
    `present` any more, or holds something else by now, has none.
    """
    known = cache.look_up_hashes({content for content in content_hashes if content is not None}, spec)
    first = {content: key for key, content in enumerate(content_hashes) if content not in known and present[key]}
    lacking = sorted(key for content, key in first.items() if content is not None)
    if lacking:
        log.info(
            "%d images were embedded without difference hashes; they are read again to compute them.",
            len(lacking),
        )
        shards = [[items[key] for key in lacking[rows]] for rows in chunks(len(lacking), SHARD_SIZE)]
        work = partial(hash_shards, spec, compute.batch_size, compute.workers())
        for shard_hashes in compute.map_shards(work, shards):
            cache.remember_hashes(shard_hashes, spec)
            known |= shard_hashes
    hashes = [known.get(content) if content else None for content in content_hashes]
    has_hash = np.array([value is not None for value in hashes], bool)
    return np.frombuffer(b"".join(value or bytes(8) for value in hashes), np.uint64), has_hash


def hash_shards(
    spec: InputSpec, batch_size: int, workers: int, shards: Sequence[Sequence[Item]]
) -> Iterator[dict[bytes, bytes]]:
    """Yield the difference hashes of each shard by content hash, without embedding anything."""
    items = [item for shard in shards for item in shard]
    batches, shard_ends = cut_batches([len(shard) for shard in shards], batch_size)
    hashes: dict[bytes, bytes] = {}
    with Bar("Hashing images", total=len(items), unit="img") as bar:
        for batch in load_batches(items, spec, batches, workers):
            hashes |= batch.hash_by_content
            bar.advance(len(batch.rows), read=batch.file_bytes)
            if batch.rows[-1] + 1 in shard_ends:
                yield hashes
                hashes = {}
