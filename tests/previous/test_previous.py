"""Projects that an earlier version began go on with the same command, and ask for the same images."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.previous import make

EXPECTED = json.loads((make.HERE / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    return make.write_pool(tmp_path / "pool")


def copy_of(name: str, pool: Path) -> Path:
    """A project as the earlier version left it, on this pool."""
    project = Path(shutil.copytree(make.HERE / name, pool.parent / name))
    make.moved(project, Path(make.POOL), pool)
    return project


def test_a_campaign_of_people_goes_on_with_the_same_batches(pool: Path) -> None:
    project = copy_of("people", pool)
    for number in range(make.ANSWERED + 1, make.ROUNDS):
        make.answer(project, number)
        make.alframe(f"project={project.as_posix()}")
    assert make.asked(project) == EXPECTED["people"][""]


def test_a_simulation_goes_on_with_the_same_batches(pool: Path) -> None:
    project = copy_of("simulation", pool)
    before = make.asked(project)
    make.alframe(f"project={project.as_posix()}", *make.simulation_words(pool, 28))
    rounds = make.all_asked(project)
    assert before == rounds[""][: len(before)]
    assert rounds[""] == EXPECTED["simulation"][""]
    # A comparison's folders are named after a digest of all that decides the result, the pool's folder included.
    of_expected = {name.rpartition("-")[0]: keys for name, keys in EXPECTED["simulation"].items() if len(keys) > 4}
    of_rounds = {name.rpartition("-")[0]: keys for name, keys in rounds.items() if len(keys) > 4}
    assert of_rounds == of_expected
