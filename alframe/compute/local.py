"""Run on this machine: decoding in worker processes, the network on the best device there is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from alframe.kit.devices import choose_device
from alframe.kit.parameters import require_at_least, require_parameter

Shard = TypeVar("Shard")
Result = TypeVar("Result")


class Local:
    """Run the network on this computer."""

    def __init__(self, device: str = "auto", workers: int | str = "auto", batch_size: int = 32) -> None:
        valid = workers == "auto" or (isinstance(workers, int) and workers >= 0)
        require_parameter("compute 'local'", valid, "a number of processes (0: none), or auto", workers=workers)
        require_at_least("compute 'local'", 1, batch_size=batch_size)
        self._device, self._workers, self.batch_size = device, workers, batch_size

    def device(self) -> str:
        """Return the torch device. Raises BadParams if this machine does not have it."""
        return choose_device(self._device, f"compute.device={self._device}", "Choose one of them, or auto.")

    def check(self) -> None:
        if self._device != "auto":
            self.device()

    def worker_count(self) -> int:
        """Return how many processes decode images."""
        return self._workers if isinstance(self._workers, int) else min(os.cpu_count() or 1, 8)

    def map_shards(
        self, function: Callable[[Sequence[Shard]], Iterator[Result]], shards: Sequence[Shard]
    ) -> Iterator[Result]:
        """Run `function` over all shards in one stream, so that the decoding workers start once."""
        return function(shards) if shards else iter(())
