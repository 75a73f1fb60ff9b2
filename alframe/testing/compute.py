"""The conformance suite of computes."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from alframe.builtins import REGISTRIES
from alframe.contracts import Compute
from alframe.engine.embedding import embed_pool
from alframe.testing.part import PartSuite
from alframe.testing.shard_functions import echo_shards, fail_at_zero_sum, leave_file_per_shard, shard_lengths
from alframe.testing.tiny import tiny_pool
from alframe.testing.tiny_embedding import embed_images


class ComputeSuite(PartSuite[Compute]):
    """Tests of every compute part. Write a subclass with a name like TestX, whose `make` returns your part."""

    @pytest.mark.parametrize("count", [0, 1, 2, 17])
    def test_results_come_in_the_order_of_the_shards(self, count: int) -> None:
        shards = [[0] * size for size in range(count)]
        self._assert_results(list(self.make().map_shards(shard_lengths, shards)), list(range(count)))

    @pytest.mark.parametrize("failing", [0, 2, 4])
    def test_failure_reaches_the_caller(self, failing: int) -> None:
        shards = [[int(number != failing)] for number in range(5)]
        for these in (shards, [[0]]):
            with suppress(ArithmeticError):
                results = list(self.make().map_shards(fail_at_zero_sum, these))
                pytest.fail(
                    f"the function raises ZeroDivisionError at one of the shards {these}. map_shards() must raise the "
                    f"same error, and yields {results}"
                )

    def test_each_shard_is_worked_on_once(self, tmp_path: Path) -> None:
        results = list(
            self.make().map_shards(partial(leave_file_per_shard, tmp_path), [[number] for number in range(6)])
        )
        self._assert_results(results, list(range(6)))
        calls = Counter(file.name.partition("-")[0] for file in tmp_path.iterdir())
        assert calls == {str(number): 1 for number in range(6)}, f"how often each shard was worked on: {calls}"

    def test_shards_arrive_as_they_were_handed_in(self) -> None:
        shards = [[7, 1], [], [3]]
        self._assert_results(list(self.make().map_shards(echo_shards, shards)), [[7, 1], [], [3]])
        assert shards == [[7, 1], [], [3]], "the shards were changed"

    def test_embeddings_are_those_of_this_machine(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(embed_pool, "SHARD_SIZE", 5)
        root = tiny_pool(tmp_path / "images", classes=2, each=8)
        (root / "class_0" / "003.png").write_bytes(b"no image")
        local = embed_images(root, tmp_path / "local", REGISTRIES["compute"].build({"name": "local", "workers": 0}))
        embedding = embed_images(root, tmp_path / "made", self.make())
        assert list(local.unreadable) == [3], f"the test can tell nothing: unreadable here are {local.unreadable}"
        assert embedding.unreadable == local.unreadable, (
            f"images that cannot be read, by key with the reason, are {embedding.unreadable} instead of "
            f"{local.unreadable}: return each result of the function unchanged"
        )
        assert embedding.content_hashes == local.content_hashes, (
            "the hashes of the images' contents differ from those of compute=local: return each result unchanged"
        )
        message = (
            "the embeddings differ from those of compute=local: return each result unchanged, in the shards' order"
        )
        np.testing.assert_array_equal(embedding.features, local.features, err_msg=message)

    def test_device_works_and_numbers_are_valid(self) -> None:
        compute = self.make()
        device = compute.device()
        total = torch.ones(2, device=device).sum().item()
        assert total == 2, f"device() gives {device!r}, on which 1 + 1 is {total}"
        assert compute.batch_size >= 1, f"batch_size={compute.batch_size}: must be at least 1"
        assert compute.worker_count() >= 0, f"worker_count() gives {compute.worker_count()}: must be at least 0"

    def _assert_results(self, results: list[Any], expected: list[Any]) -> None:
        assert results == expected, (
            f"map_shards() yields {results} instead of {expected}: one result for each shard, in the order of the "
            f"shards, each shard unchanged (also an empty one). docs/compute.md explains it"
        )
