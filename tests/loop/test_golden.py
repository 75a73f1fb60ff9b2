"""What is chosen stays what it was: a change of how it is computed must not change a selection.

The digests below were taken before any such change. One that is meant to change what is chosen takes new ones:
``python -m tests.loop.test_golden``.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from threadpoolctl import threadpool_limits

from alframe.app.api import open_session
from alframe.loop.experiment import run_until_stop
from alframe.store import pool_features
from alframe.store.ledger import Ledger
from alframe.testing.tiny import tiny_overrides, tiny_pool
from benchmarks.made import open_made

FILE = Path(__file__).with_name("golden.json")
MADE = {
    "random": ["sampler=random", "per_sequence=null"],
    "margin": ["sampler=margin"],
    "margin, any of a burst": ["sampler=margin", "per_sequence=null", "holdout.group=camera"],
    "entropy, propagated": ["sampler=entropy", "propagate=true", "audit=0.2"],
    "kcenter": ["sampler=kcenter", "per_sequence=null"],
    "kcenter, two of a burst": ["sampler=kcenter", "per_sequence=2", "seed=3"],
    "bald": ["sampler=bald", "head=laplace", "holdout.fraction=0"],
    "badge": ["sampler=badge"],
    "typiclust": ["sampler=typiclust", "per_sequence=null", "seed=1"],
    "the whole pool": ["sampler=margin", "stopping.labels=1000", "batch=60"],
}
TINY = {
    "tiny, margin": ["head=linear", "sampler=margin", "start.sampler=random"],
    "tiny, kcenter": ["head=linear", "sampler=kcenter", "start.sampler=random", "seed=2"],
}


def chosen(name: str, folder: Path) -> str:
    """A digest of all batches of a campaign: its images by name, in order."""
    if name in TINY:
        session = open_session(
            *tiny_overrides(tiny_pool(folder / "images"), folder / "runs"), *TINY[name], "tracker=[]"
        )
    else:
        words = ["batch=10", "start.labels=20", "stopping.labels=80", *MADE[name]]
        session = open_made(folder, 400, 16, *words)
    with session:
        run_until_stop(session)
    with Ledger.open(session.folder, read_only=True) as ledger:
        items = ledger.items()
        batches = [[items[key].id for key in one.keys] for one in ledger.stored_rounds()]
    return hashlib.blake2b(json.dumps(batches).encode(), digest_size=8).hexdigest()


@pytest.mark.parametrize("name", [*MADE, *TINY])
def test_the_same_images_are_chosen_as_before(name: str, tmp_path: Path) -> None:
    assert chosen(name, tmp_path) == json.loads(FILE.read_text(encoding="utf-8"))[name]


@pytest.mark.parametrize("name", ["bald", "kcenter"])
def test_the_same_images_are_chosen_on_two_threads(name: str, tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with threadpool_limits(2):
            assert chosen(name, tmp_path) == json.loads(FILE.read_text(encoding="utf-8"))[name]
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("name", ["margin", "kcenter", "badge"])
def test_the_same_images_are_chosen_of_a_mapped_pool(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_features, "MAPPED_BYTES", 0)
    assert chosen(name, tmp_path) == json.loads(FILE.read_text(encoding="utf-8"))[name]
    assert list((tmp_path / "runs").rglob("pools/*.f32"))


if __name__ == "__main__":
    found = {}
    for one in [*MADE, *TINY]:
        with tempfile.TemporaryDirectory() as folder:
            found[one] = chosen(one, Path(folder))
    FILE.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(found)} digests written to {FILE.name}\n")
