"""The difference hashes of the pool, as they were taken in the pass that embedded it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from alframe.contracts import Compute
from alframe.data.loading import load
from alframe.engine.embedding.embed_pool import SHARD, in_batches
from alframe.progress import Bar
from alframe.store.file_cache import FileCache
from alframe.types import InputSpec, Item

log = logging.getLogger(__name__)


def known_hashes(
    items: Sequence[Item],
    contents: Sequence[bytes | None],
    present: npt.NDArray[np.bool_],
    spec: InputSpec,
    cache: FileCache,
    compute: Compute,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """The hash of each of N items as an input `spec` sees it, and (N,) which have one; by what they hold, `contents`.

    Images that were embedded before there were hashes are read once more, and a line says so. One that is not `present`
    any more, or holds something else by now, has none.
    """
    wanted = {content for content in contents if content is not None}
    found = cache.hashes(wanted, spec)
    first = {content: key for key, content in enumerate(contents) if content not in found and present[key]}
    lacking = sorted(key for content, key in first.items() if content is not None)
    if lacking:
        log.info(
            "%d images were embedded before near-duplicates could be looked for: they are read once more, for their "
            "difference hashes.",
            len(lacking),
        )
        shards = [lacking[start : start + SHARD] for start in range(0, len(lacking), SHARD)]
        parts = [[items[key] for key in shard] for shard in shards]
        work = partial(hash_shards, spec, compute.batch_size, compute.workers())
        for read in compute.map_shards(work, parts):
            cache.note_hashes(read, spec)
            found |= read
    has = np.array([content in found for content in contents], bool)
    hashes = np.zeros(len(contents), np.uint64)
    hashes[has] = np.frombuffer(b"".join(found[content] for content in contents if content in found), np.uint64)
    return hashes, has


def hash_shards(
    spec: InputSpec, batch_size: int, workers: int, shards: Sequence[Sequence[Item]]
) -> Iterator[dict[bytes, bytes]]:
    """The difference hashes of each shard by content, without embedding anything."""
    items = [item for shard in shards for item in shard]
    batches, ends = in_batches([len(shard) for shard in shards], batch_size)
    end = iter(ends)
    upto = next(end, 0)
    hashes: dict[bytes, bytes] = {}
    with Bar("Hashing images", total=len(items), unit="img") as bar:
        for batch in load(items, spec, batches, workers):
            hashes |= batch.hashed
            bar.advance(len(batch.rows), read=batch.size)
            if batch.rows[-1] + 1 == upto:
                yield hashes
                hashes, upto = {}, next(end, 0)
