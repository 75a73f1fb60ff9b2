"""A compute says where work over the whole pool runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

Shard = TypeVar("Shard")
Result = TypeVar("Result")


class Compute(Protocol):
    """In this process, or (as a plugin) on many machines."""

    batch_size: int
    """Images in one forward pass."""

    def device(self) -> str:
        """The torch device to run on, e.g. "cpu" or "cuda"."""
        ...

    def workers(self) -> int:
        """How many processes decode images; 0: this one."""
        ...

    def map_shards(
        self, function: Callable[[Sequence[Shard]], Iterator[Result]], shards: Sequence[Shard]
    ) -> Iterator[Result]:
        """Run `function` over the shards, any number of them per call, and give the results in their order.

        `function` yields one result for each shard it is given, and is deterministic per shard: a retry is harmless.
        """
        ...
