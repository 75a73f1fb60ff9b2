"""Functions that the suites of computes run over shards; they can be sent to another process."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path


def shard_lengths(shards: Sequence[list[int]]) -> Iterator[int]:
    """Yield the length of each shard; can be sent to another process."""
    yield from map(len, shards)


def echo_shards(shards: Sequence[list[int]]) -> Iterator[list[int]]:
    """Yield each shard as it is."""
    yield from shards


def fail_at_zero_sum(shards: Sequence[list[int]]) -> Iterator[int]:
    """Yield 1 // the sum of each shard: raises ZeroDivisionError at one whose sum is 0."""
    for shard in shards:
        yield 1 // sum(shard)


def leave_file_per_shard(folder: Path, shards: Sequence[list[int]]) -> Iterator[int]:
    """Leave a file for each time that a shard is worked on, and yield its first number."""
    for shard in shards:
        (folder / f"{shard[0]}-{uuid.uuid4().hex}").touch()
        yield shard[0]
