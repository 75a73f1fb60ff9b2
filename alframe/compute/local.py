"""Run on this machine: decoding in worker processes, the network on the best device there is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from alframe.errors import BadParams

Shard = TypeVar("Shard")
Result = TypeVar("Result")


class Local:
    """`device`: auto (a GPU if there is one), cpu, cuda or mps; `workers`: auto (one a core, at most 8) or a number."""

    def __init__(self, device: str = "auto", workers: int | str = "auto", batch_size: int = 32) -> None:
        if workers != "auto" and not (isinstance(workers, int) and workers >= 0):
            raise BadParams(f"compute.workers={workers}: must be a number of processes (0: none), or auto")
        if batch_size < 1:
            raise BadParams(f"compute.batch_size={batch_size}: must be at least 1")
        self._device, self._workers, self.batch_size = device, workers, batch_size

    def device(self) -> str:
        """Return the torch device. Raises BadParams if this machine does not have it."""
        if self._device == "cpu":
            return "cpu"
        import torch

        available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
        names = [name for name, is_available in available.items() if is_available]
        if self._device == "auto":
            return names[0]
        if self._device.partition(":")[0] not in names:
            raise BadParams(f"compute.device={self._device}: this machine has {', '.join(names)}")
        return self._device

    def check(self) -> None:
        """See the CheckableCompute contract."""
        if self._device != "auto":
            self.device()

    def workers(self) -> int:
        """Return how many processes decode images."""
        return self._workers if isinstance(self._workers, int) else min(os.cpu_count() or 1, 8)

    def map_shards(
        self, function: Callable[[Sequence[Shard]], Iterator[Result]], shards: Sequence[Shard]
    ) -> Iterator[Result]:
        """Run `function` over all shards in one stream, so that the decoding workers start once."""
        return function(shards) if shards else iter(())
