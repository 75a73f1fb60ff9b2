"""Jobs as processes of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from alframe_submitit.compute import Submitit
from alframe_submitit.shard_files import digest

import alframe
from alframe.errors import BadParams, ClusterError
from alframe.kit.composite import build_part
from alframe.testing import ClusterComputeSuite, tiny_overrides, tiny_pool
from alframe.testing.shard_functions import leave_file_per_shard, shard_lengths
from alframe.types import Item


class TestSubmitit(ClusterComputeSuite):
    @pytest.fixture(autouse=True)
    def jobs_folder(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        self.folder = tmp_path_factory.mktemp("jobs")

    def make(self) -> Submitit:
        return Submitit(cluster="local", folder=self.folder, jobs=1, attempts=2)

    def test_a_lost_process_costs_the_shards_that_it_worked_on(self, tmp_path: Path) -> None:
        super().test_a_lost_process_costs_the_shards_that_it_worked_on(tmp_path)
        assert not list(self.folder.iterdir()), "results that were taken are left behind"


def test_results_that_a_killed_process_did_not_take_are_found(tmp_path: Path) -> None:
    compute = Submitit(cluster="local", folder=tmp_path / "jobs", jobs=1)
    (tmp_path / "seen").mkdir()
    work = partial(leave_file_per_shard, tmp_path / "seen")
    results = compute.map_shards(work, [[number] for number in range(4)])
    assert [next(results), next(results)] == [0, 1]
    deadline = time.monotonic() + 600
    while len(list((tmp_path / "jobs").glob("*/*-0.pkl"))) < 3:  # those of 1, 2 and 3
        assert time.monotonic() < deadline, "the job does not go on"
        time.sleep(0.05)
    results.close()
    assert list(compute.map_shards(work, [[1], [2], [3]])) == [1, 2, 3]
    assert len(list((tmp_path / "seen").glob("*-*"))) == 4, "a shard was worked on again"


@pytest.mark.skipif(sys.platform == "win32", reason="Slurm's commands are scripts here")
def test_a_slurm_that_takes_no_jobs_is_named_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("sbatch", "echo invalid partition specified >&2; exit 1"), ("srun", ""), ("squeue", "")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    compute = Submitit(folder=tmp_path / "jobs", partition="moon")
    with pytest.raises(ClusterError, match=r"(?s)Jobs cannot be submitted: .*invalid partition.*compute\.partition"):
        list(compute.map_shards(shard_lengths, [[1]]))


def test_a_network_has_the_same_digest_in_each_process() -> None:
    code = (
        "import torch; from alframe_submitit.shard_files import digest; torch.manual_seed(0);"
        "print(digest(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))))"
    )
    found = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(found) == 1


def test_equal_shards_have_the_same_digest() -> None:
    name = "".join(["class", "_0"])
    shared = [Item("a", Path("a"), label=name), Item("b", Path("b"), label=name)]
    apart = [Item("a", Path("a"), label="class_0"), Item("b", Path("b"), label="".join(["class_", "0"]))]
    assert digest(shared) == digest(apart) != digest(shared[:1])
    cyclic: list[object] = [1]
    cyclic.append(cyclic)
    assert digest(cyclic) == digest(cyclic)


def test_other_weights_have_another_digest() -> None:
    import torch

    network = torch.nn.Linear(2, 2)
    before = digest(network)
    assert digest(network) == before
    with torch.no_grad():
        network.weight[0, 0] += 1
    assert digest(network) != before


def test_values_that_cannot_be_are_refused() -> None:
    for params in ({"cluster": "moon"}, {"jobs": 0}, {"workers": -1}, {"attempts": 0}):
        with pytest.raises(BadParams, match=next(iter(params))):
            Submitit(**params)


def test_it_composes_and_builds(tmp_path: Path) -> None:
    words = [*tiny_overrides(tiny_pool(tmp_path / "pool", each=2), tmp_path), "compute=submitit"]
    compute = build_part("compute", alframe.compose(*words).compute)
    assert isinstance(compute, Submitit) and not list(tmp_path.glob("jobs"))
