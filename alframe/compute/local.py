"""This machine: decoding on worker processes, the network on the best device there is."""

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
            raise BadParams(f"compute.workers={workers}: give a number of processes (0: none), or auto.")
        if batch_size < 1:
            raise BadParams(f"compute.batch_size={batch_size}: at least 1 image must go into a batch.")
        self._device = device
        self._workers = workers
        self.batch_size = batch_size

    def device(self) -> str:
        """Raises BadParams if the device asked for is not there."""
        import torch

        there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if self._device == "auto":
            return next(name for name in ("cuda", "mps", "cpu") if there[name])
        if not there.get(self._device.partition(":")[0], False):
            found = ", ".join(name for name, is_there in there.items() if is_there)
            raise BadParams(f"compute.device={self._device} is not on this machine. There is: {found}.")
        return self._device

    def workers(self) -> int:
        if isinstance(self._workers, int):
            return self._workers
        return min(os.cpu_count() or 1, 8)

    def map_shards(
        self, function: Callable[[Sequence[Shard]], Iterator[Result]], shards: Sequence[Shard]
    ) -> Iterator[Result]:
        """All shards in one stream, so that the decoding workers start once."""
        return function(shards) if shards else iter(())
