"""A real Slurm: the same features as on this machine, also if the command is killed and its jobs go on."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from alframe.testing import CampaignCommand, tiny_overrides, tiny_pool

pytestmark = pytest.mark.slow
SHARDS = 6  # of 512 images


@pytest.fixture(autouse=True)
def slurm() -> None:
    """Skip without a Slurm that answers."""
    if shutil.which("squeue") is None:
        pytest.skip("this machine has no Slurm")
    done = subprocess.run(["squeue"], capture_output=True, text=True, timeout=120)
    if done.returncode:
        pytest.skip(f"the Slurm of this machine does not answer: {done.stderr.strip()}")


def queued_jobs() -> set[str]:
    done = subprocess.run(["squeue", "--noheader", "--format=%A"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_a_killed_command_finds_what_its_jobs_did(tmp_path: Path) -> None:
    pool = tiny_pool(tmp_path / "pool", classes=2, each=512 * SHARDS // 2)
    local = CampaignCommand(tuple(tiny_overrides(pool, tmp_path)[:-1]), tmp_path / "local")
    local.run_to_success()
    jobs = tmp_path / "jobs"
    words = ("compute=submitit", "compute.shards_per_job=2", "compute.memory_gb=1", f"compute.folder={jobs}")
    there = CampaignCommand((*local.arguments, *words), tmp_path / "slurm")
    process = there.start()
    there.wait_for_features(process, 1)
    process.kill()
    process.wait()
    assert len(there.stored_features()) < SHARDS, "the command was killed too late to matter"
    submitted = set(jobs.glob("*/jobs/*_submitted.pkl"))
    while queued_jobs():  # its jobs go on without it
        time.sleep(1)
    left = {file.name: file.stat().st_mtime_ns for file in jobs.glob("*/*-0.pkl")}
    assert len(left) >= SHARDS - 2
    process = there.start()
    while process.poll() is None:
        assert set(jobs.glob("*/jobs/*_submitted.pkl")) <= submitted, "shards were given to jobs again"
        time.sleep(0.1)
    there.run_to_success(process)
    assert there.stored_features() == local.stored_features()
    assert not list(jobs.iterdir()), "results that were taken are left behind"
