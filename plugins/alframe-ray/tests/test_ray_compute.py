"""A small Ray cluster on this machine."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import ray
from alframe_ray.compute import RayCluster

import alframe
from alframe.contracts import UsesCompute
from alframe.errors import BadParams, ClusterError
from alframe.kit.composite import build_part
from alframe.kit.pool_views import make_pool_view
from alframe.testing import CampaignCommand, ClusterComputeSuite, tiny_overrides, tiny_pool

pytestmark = pytest.mark.usefixtures("cluster")


@cache
def shared_compute() -> RayCluster:
    return RayCluster(shards_per_task=2, attempts=2)


class TestRayCluster(ClusterComputeSuite):
    shards_lost_at_once = 2

    def make(self) -> RayCluster:
        return shared_compute()  # its actors have started already


def test_values_that_cannot_be_are_refused() -> None:
    for params in ({"actors": 0}, {"actors": "many"}, {"cpus_per_actor": 0}, {"workers": -1}, {"attempts": 0}):
        with pytest.raises(BadParams, match=next(iter(params))):
            RayCluster(**params)


def test_actors_that_do_not_fit_beside_a_free_cpu_are_refused() -> None:
    with pytest.raises(ClusterError, match=r"2 CPUs.*takes 2 and 0, and one CPU must stay free"):
        list(RayCluster(cpus_per_actor=2).map_shards(list, [[1]]))


def test_a_campaign_asks_for_the_same_images_as_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = tiny_overrides(tiny_pool(tmp_path / "pool"), tmp_path)
    assert isinstance(build_part("compute", alframe.compose(*words, "compute=ray").compute), RayCluster)
    monkeypatch.setenv("RAY_ADDRESS", ray.get_runtime_context().gcs_address)
    local = CampaignCommand((*words[:-1], "compute=local", "sampler=kcenter"), tmp_path / "local")
    over_shards = ("sampler=over_shards", "sampler.sampler=kcenter")
    there = CampaignCommand((*words[:-1], "compute=ray", *over_shards), tmp_path / "ray")
    local.run_to_success()
    there.run_to_success()
    assert (
        there.stored_features() == local.stored_features()
        and there.models_and_labelled_keys() == local.models_and_labelled_keys()
    )
    assert len(local.models_and_labelled_keys()[1]) == 20


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
