"""The contract of computes, which run the work on the whole pool on this machine or on others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar, runtime_checkable

Shard = TypeVar("Shard")
Result = TypeVar("Result")


class Compute(Protocol):
    """A part that runs work in this process or, in a plugin, on many machines."""

    batch_size: int
    """The number of images in one forward pass of the network."""

    def device(self) -> str:
        """Return the torch device to run on, e.g. "cpu" or "cuda"."""

    def worker_count(self) -> int:
        """Return the number of processes that decode images. With 0, the process of the network decodes them."""

    def map_shards(
        self, function: Callable[[Sequence[Shard]], Iterator[Result]], shards: Sequence[Shard]
    ) -> Iterator[Result]:
        """Call `function` with lists of one or more shards, and yield the results in the order of the shards.

        `function` yields one result for each shard of its list. The result depends only on the shard, so a shard may be
        processed again. `function`, shards and results can be pickled. Two threads must not call the same copy of
        `function` at once.
        """


@runtime_checkable
class CheckableCompute(Protocol):
    """A compute part that can check whether its parameters fit this machine."""

    def check(self) -> None:
        """Raise BadParams if this machine lacks the device. Called instead of `device` before a run begins."""
