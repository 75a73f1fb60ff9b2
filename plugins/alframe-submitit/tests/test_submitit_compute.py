"""Jobs as processes of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from alframe_submitit.compute import Submitit
from alframe_submitit.shard_files import digest

import alframe
from alframe.errors import BadParams, ComputeError
from alframe.kit.composite import build_part
from alframe.testing import ComputeSuite, tiny_overrides, tiny_pool
from alframe.types import Item

HERE = str(Path(__file__).parent)


@pytest.fixture(autouse=True)
def jobs_find_these_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let jobs import this module."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([HERE, os.environ.get("PYTHONPATH", "")]))


class TestSubmitit(ComputeSuite):
    @pytest.fixture(autouse=True)
    def jobs_folder(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        self.folder = tmp_path_factory.mktemp("jobs")

    def make(self) -> Submitit:
        return Submitit(cluster="local", folder=self.folder, jobs=1)


def end_process_once(folder: Path, shards: Sequence[list[int]]) -> Iterator[int]:
    """Yield the first number of each shard; end the process without a word the first time that 3 comes."""
    for number, *_ in shards:
        (folder / f"{number}-{os.getpid()}").touch()
        if number == 3 and not (folder / "ended").exists():
            (folder / "ended").touch()
            os._exit(1)
        yield number


def end_process(shards: Sequence[list[int]]) -> Iterator[int]:
    """End the process."""
    os._exit(1)
    yield from map(len, shards)


def test_a_lost_job_costs_the_shard_that_it_worked_on(tmp_path: Path) -> None:
    compute = Submitit(cluster="local", folder=tmp_path / "jobs", jobs=1, shards_per_job=6)
    (tmp_path / "seen").mkdir()
    shards = [[number] for number in range(6)]
    assert list(compute.map_shards(partial(end_process_once, tmp_path / "seen"), shards)) == list(range(6))
    begun = sorted(int(file.name.partition("-")[0]) for file in (tmp_path / "seen").glob("*-*"))
    assert begun == [0, 1, 2, 3, 3, 4, 5]
    assert not list((tmp_path / "jobs").iterdir()), "results that were taken are left behind"


def test_a_shard_that_ends_each_job_is_named(tmp_path: Path) -> None:
    with pytest.raises(ComputeError, match=r"ended 2 times.*begins with 7\..*compute\.minutes"):
        list(Submitit(cluster="local", folder=tmp_path, attempts=2).map_shards(end_process, [[7]]))


def test_results_that_a_killed_process_did_not_take_are_found(tmp_path: Path) -> None:
    compute = Submitit(cluster="local", folder=tmp_path / "jobs", jobs=1)
    (tmp_path / "seen").mkdir()
    (tmp_path / "seen" / "ended").touch()
    work = partial(end_process_once, tmp_path / "seen")
    results = compute.map_shards(work, [[number] for number in range(4)])
    assert [next(results), next(results)] == [0, 1]
    while len(list((tmp_path / "jobs").glob("*/*-0.pkl"))) < 3:  # those of 1, 2 and 3
        pass
    results.close()
    assert list(compute.map_shards(work, [[1], [2], [3]])) == [1, 2, 3]
    assert len(list((tmp_path / "seen").glob("*-*"))) == 4, "a shard was worked on again"


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
