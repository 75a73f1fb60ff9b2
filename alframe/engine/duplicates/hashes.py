"""The difference hashes of the pool, which are computed when the pool is embedded."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from alframe.chunks import row_slices
from alframe.contracts import Compute
from alframe.engine.embedding.embed_pool import SHARD_SIZE, map_shards_checked, process_shards
from alframe.store.file_cache import FileCache
from alframe.types import Bools, Floats, InputSpec, Item

if TYPE_CHECKING:
    from alframe.data.loading import Batch

log = logging.getLogger(__name__)


def collect_difference_hashes(
    items: Sequence[Item],
    content_hashes: Sequence[bytes | None],
    is_present: Bools,
    spec: InputSpec,
    cache: FileCache,
    compute: Compute,
) -> tuple[npt.NDArray[np.uint64], Bools]:
    """Return the difference hash of each of N items, prepared for the input `spec`, and (N,) which items have a hash.

    Images that an old version embedded without a hash are read once more, and a message says so. Images that are no
    longer in the pool (`is_present`), or whose files have changed, have no hash.
    """
    known = cache.look_up_difference_hashes({content for content in content_hashes if content is not None}, spec)
    first = {content: key for key, content in enumerate(content_hashes) if content not in known and is_present[key]}
    lacking = sorted(key for content, key in first.items() if content is not None)
    if lacking:
        log.info("%d images were embedded without difference hashes; they are read again now.", len(lacking))
        shards = [[items[key] for key in lacking[rows]] for rows in row_slices(len(lacking), SHARD_SIZE)]
        load = partial(_batches_without_features, spec, compute.worker_count())
        function = partial(process_shards, "Hashing images", load, compute.batch_size)
        for result in map_shards_checked(compute, function, shards):
            cache.remember_difference_hashes(result.difference_hashes, spec)
            known |= result.difference_hashes
    hashes = [known.get(content) if content else None for content in content_hashes]
    has_hash = np.array([value is not None for value in hashes], bool)
    return np.frombuffer(b"".join(value or bytes(8) for value in hashes), np.uint64), has_hash


def _batches_without_features(
    spec: InputSpec, workers: int, items: Sequence[Item], batches: Sequence[Sequence[int]]
) -> Iterator[tuple[Batch, Floats]]:
    from alframe.data.loading import load_batches

    return ((batch, np.empty((0, 0), np.float32)) for batch in load_batches(items, spec, batches, workers))
