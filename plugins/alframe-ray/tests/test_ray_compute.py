"""A small Ray cluster on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import ray
from alframe_ray.compute import RayCluster
from conftest import CampaignRun

import alframe
from alframe.contracts import UsesCompute
from alframe.errors import BadParams, ComputeError
from alframe.kit.composite import build_part
from alframe.kit.pool_views import make_pool_view
from alframe.testing import ComputeSuite, tiny_overrides, tiny_pool

pytestmark = pytest.mark.usefixtures("cluster")


@cache
def shared_compute() -> RayCluster:
    return RayCluster(shards_per_task=2)


class TestRayCluster(ComputeSuite):
    def make(self) -> RayCluster:
        return shared_compute()  # its actors have started already


def end_process_once(folder: Path, shards: Sequence[list[int]]) -> Iterator[int]:
    """Yield the first number of each shard; end the process without a word the first time that 3 comes."""
    for number, *_ in shards:
        if number == 3 and not (folder / "ended").exists():
            (folder / "ended").touch()
            os._exit(1)
        yield number


def end_process(shards: Sequence[list[int]]) -> Iterator[int]:
    """End the process."""
    os._exit(1)
    yield from map(len, shards)


def test_shards_of_a_lost_actor_go_to_another(tmp_path: Path) -> None:
    shards = [[number] for number in range(8)]
    assert list(RayCluster().map_shards(partial(end_process_once, tmp_path), shards)) == list(range(8))
    assert (tmp_path / "ended").exists(), "the actor was not lost"


def test_a_shard_that_ends_each_process_is_named() -> None:
    with pytest.raises(ComputeError, match=r"ended 2 times.* begins with 7\..*compute\.batch_size"):
        list(RayCluster(attempts=2).map_shards(end_process, [[7]]))


def test_results_that_nobody_takes_are_not_waited_for() -> None:
    results = RayCluster().map_shards(partial(map, len), [[number] for number in range(50)])
    assert next(results) == 1
    results.close()
    assert list(RayCluster().map_shards(partial(map, len), [[1, 2]])) == [2]


def test_values_that_cannot_be_are_refused() -> None:
    for params in ({"actors": 0}, {"actors": "many"}, {"cpus_per_actor": 0}, {"workers": -1}, {"attempts": 0}):
        with pytest.raises(BadParams, match=next(iter(params))):
            RayCluster(**params)


def test_actors_that_do_not_fit_beside_a_free_cpu_are_refused() -> None:
    with pytest.raises(ComputeError, match=r"2 CPUs.*takes 2 and 0, and one CPU must stay free"):
        list(RayCluster(cpus_per_actor=2).map_shards(partial(map, len), [[1]]))


def test_a_campaign_asks_for_the_same_images_as_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = tiny_overrides(tiny_pool(tmp_path / "pool"), tmp_path)
    assert isinstance(build_part("compute", alframe.compose(*words, "compute=ray").compute), RayCluster)
    monkeypatch.setenv("RAY_ADDRESS", ray.get_runtime_context().gcs_address)
    local = CampaignRun(tmp_path / "local", (*words[:-1], "compute=local", "sampler=kcenter"))
    over_shards = ("sampler=over_shards", "sampler.sampler=kcenter")
    there = CampaignRun(tmp_path / "ray", (*words[:-1], "compute=ray", *over_shards))
    local.finish()
    there.finish()
    assert there.features() == local.features() and there.rounds() == local.rounds()
    assert len(local.rounds()[1]) == 20


@pytest.mark.parametrize("name", ["kcenter", "margin"])
def test_samplers_over_shards_choose_the_same_there(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.normal(size=(20000, 6)).astype(np.float16))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    labelled, y = np.arange(0, 20000, 500), np.arange(40) % 4
    head = build_part("head", {"name": "linear"})
    head.fit(np.asarray(x[labelled], np.float32), y, 4, rng)
    found = []
    for recipe in ({"name": name}, {"name": "over_shards", "sampler": name, "shard_rows": 8192, "offers": 20}):
        sampler = build_part("sampler", recipe)
        if isinstance(sampler, UsesCompute):
            sampler.use_compute(shared_compute())
        keys = np.setdiff1d(np.arange(20000), labelled)
        view = make_pool_view(sampler, x, keys, labelled, y, rng, head)
        found.append(sampler.select(view, 100, np.random.default_rng(1)))
    alone, there = found
    np.testing.assert_array_equal(there.keys, alone.keys)
    np.testing.assert_array_equal(there.scores, alone.scores)
