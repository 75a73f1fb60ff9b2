"""The conformance suite of computes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch

from alframe.contracts import Compute
from alframe.testing.part import PartSuite


def shard_lengths(shards: Sequence[list[int]]) -> Iterator[int]:
    """Yield the length of each shard; can be sent to another process."""
    yield from map(len, shards)


def fail_at_first_shard(shards: Sequence[list[int]]) -> Iterator[int]:
    """Raise ZeroDivisionError at the first shard."""
    for shard in shards:
        yield 1 // sum(shard)


class ComputeSuite(PartSuite[Compute]):
    """What every compute must do: subclass it as TestX and return yours from `make`."""

    @pytest.mark.parametrize("count", [0, 1, 2, 17])
    def test_results_come_in_the_order_of_the_shards(self, count: int) -> None:
        shards = [[0] * size for size in range(count)]
        assert list(self.make().map_shards(shard_lengths, shards)) == list(range(count))

    def test_failure_reaches_the_caller(self) -> None:
        with pytest.raises(ArithmeticError):
            list(self.make().map_shards(fail_at_first_shard, [[0]]))

    def test_device_works_and_numbers_are_valid(self) -> None:
        compute = self.make()
        assert torch.ones(2, device=compute.device()).sum().item() == 2
        assert compute.batch_size >= 1, f"batch_size={compute.batch_size}: must be at least 1"
        assert compute.workers() >= 0, f"workers() gives {compute.workers()}: must be at least 0"
