"""The contract of computes: where work over the whole pool runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar, runtime_checkable

Shard = TypeVar("Shard")
Result = TypeVar("Result")


class Compute(Protocol):
    """A part that runs work in this process or, in a plugin, on many machines."""

    batch_size: int
    """How many images go through the network at once."""

    def device(self) -> str:
        """Return the torch device to run on, e.g. "cpu" or "cuda"."""

    def worker_count(self) -> int:
        """Return how many processes decode images; 0: this one does."""

    def map_shards(
        self, function: Callable[[Sequence[Shard]], Iterator[Result]], shards: Sequence[Shard]
    ) -> Iterator[Result]:
        """Run `function` over the shards, any number of them per call, and yield the results in the shards' order.

        `function` yields one result for each shard it is given. The result depends on the shard alone, so a shard may
        be tried again. `function`, shards and results can be pickled. No copy of `function` may be called by several
        threads at once.
        """


@runtime_checkable
class CheckableCompute(Protocol):
    """A compute part that can check whether its parameters fit this machine. Mostly, the check needs no torch."""

    def check(self) -> None:
        """Raise BadParams for a device that this machine lacks; called before a run begins, in place of `device`."""
