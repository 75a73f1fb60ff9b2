"""The conformance suite of compute parts that work in other processes, which can be lost."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from alframe.errors import ClusterError
from alframe.testing.compute import ComputeSuite
from alframe.testing.shard_functions import shard_lengths


def end_process_at_first_3(folder: Path, shards: Sequence[list[int]]) -> Iterator[int]:
    """Yield the first number of each shard. End the process without a message when the number 3 comes the first time.

    The `folder` has a file for each time that a shard is begun.
    """
    for number, *_ in shards:
        is_first_time = not list(folder.glob(f"{number}-*"))
        (folder / f"{number}-{uuid.uuid4().hex}").touch()
        if number == 3 and is_first_time:
            os._exit(1)
        yield number


def end_own_process(shards: Sequence[list[int]]) -> Iterator[int]:
    """End the process without a message, unless there are no shards."""
    if shards:
        os._exit(1)
    yield from map(len, shards)


class ClusterComputeSuite(ComputeSuite):
    """Tests of a compute part that uses other processes. The part from `make` must begin a shard at most two times."""

    shards_lost_at_once = 1
    """The number of shards that may be processed again when a process is lost."""

    def test_a_lost_process_costs_the_shards_that_it_worked_on(self, tmp_path: Path) -> None:
        shards = [[number] for number in range(8)]
        results = list(self.make().map_shards(partial(end_process_at_first_3, tmp_path), shards))
        self._assert_results(results, list(range(8)))
        begun = Counter(int(file.name.partition("-")[0]) for file in tmp_path.iterdir())
        assert begun[3] == 2, "the shard of the lost process is begun a second time"
        assert max(begun.values()) == 2 and sum(begun.values()) <= 8 + self.shards_lost_at_once, f"begun: {begun}"

    def test_a_shard_that_ends_each_process_is_named(self) -> None:
        with pytest.raises(ClusterError, match=r"ended 2 times[\s\S]* begins with 7\."):
            list(self.make().map_shards(end_own_process, [[7]]))

    def test_results_that_nobody_takes_are_not_waited_for(self) -> None:
        results = iter(self.make().map_shards(shard_lengths, [[number] for number in range(20)]))
        first = next(results)
        assert first == 1, f"the first of 20 shards has one number, and the result is {first}"
        del results
        self._assert_results(list(self.make().map_shards(shard_lengths, [[1, 2]])), [2])
