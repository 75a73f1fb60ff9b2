"""What every compute must do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch

from alframe.contracts import Compute


def lengths(shards: Sequence[list[int]]) -> Iterator[int]:
    """Work of a kind that can be sent to another process: one result a shard."""
    yield from map(len, shards)


def fails(shards: Sequence[list[int]]) -> Iterator[int]:
    """Work that goes wrong at the first shard."""
    for shard in shards:
        yield 1 // sum(shard)


class ComputeSuite:
    """Say in `make` how yours is made."""

    def make(self) -> Compute:
        raise NotImplementedError

    @pytest.mark.parametrize("count", [0, 1, 2, 17])
    def test_results_come_in_the_order_of_the_shards(self, count: int) -> None:
        shards = [[0] * size for size in range(count)]
        assert list(self.make().map_shards(lengths, shards)) == list(range(count))

    def test_a_failure_reaches_the_caller(self) -> None:
        with pytest.raises(ArithmeticError):
            list(self.make().map_shards(fails, [[0]]))

    def test_the_device_is_one_that_works(self) -> None:
        assert torch.ones(2, device=self.make().device()).sum().item() == 2

    def test_numbers_make_sense(self) -> None:
        compute = self.make()
        assert compute.batch_size >= 1
        assert compute.workers() >= 0
