"""A cluster of two machines, one of which is lost, and a command that is killed: the features stay the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from alframe.testing import CampaignCommand, tiny_overrides, tiny_pool

pytestmark = pytest.mark.slow
SHARDS = 8  # of 512 images


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> CampaignCommand:
    """A campaign that was run on this machine alone."""
    folder = tmp_path_factory.mktemp("nodes")
    pool = tiny_pool(folder / "pool", classes=2, each=512 * SHARDS // 2)
    (pool / "class_1" / "0007.png").write_bytes(b"no image")
    run = CampaignCommand(tuple(tiny_overrides(pool, folder)[:-1]), folder / "local")
    run.run_to_success()
    return run


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Two machines with two CPUs each, as Ray sees it."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    cluster.add_node(num_cpus=2)
    yield cluster
    cluster.shutdown()


def run_on(cluster: Cluster, local: CampaignCommand, runs: Path) -> CampaignCommand:
    return CampaignCommand((*local.arguments, "compute=ray", f"compute.address={cluster.address}"), runs)


def test_a_lost_machine_costs_its_shards_only(cluster: Cluster, local: CampaignCommand, tmp_path: Path) -> None:
    run = run_on(cluster, local, tmp_path / "runs")
    process = run.start()
    run.wait_for_features(process, 2)
    cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)
    assert len(run.stored_features()) < SHARDS, "the machine was removed too late to matter"
    run.run_to_success(process)
    assert (
        run.stored_features() == local.stored_features()
        and run.models_and_labelled_keys() == local.models_and_labelled_keys()
    )


def test_a_killed_command_goes_on_where_it_was(cluster: Cluster, local: CampaignCommand, tmp_path: Path) -> None:
    run = run_on(cluster, local, tmp_path / "runs")
    process = run.start()
    run.wait_for_features(process, 5)  # each shard has two files: the features and their keys
    process.kill()
    process.wait()
    files = (file for file in run.runs.rglob("features/*/*.npy") if not file.name.endswith(".keys.npy"))
    kept = {file: file.stat().st_mtime_ns for file in files}
    assert 2 <= len(kept) < SHARDS, "the command was killed too late to matter"
    run.run_to_success()
    again = [file for file, time in kept.items() if file.stat().st_mtime_ns != time]
    assert len(again) <= 1, "only the shard that was being stored may be written again"
    assert (
        run.stored_features() == local.stored_features()
        and run.models_and_labelled_keys() == local.models_and_labelled_keys()
    )
