"""Projects that an earlier version began go on with the same command, and ask for the same images."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from alframe.store.ledger import Ledger
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
    with Ledger.open(project, read_only=True) as ledger:
        config = ledger.latest_config()
    assert config is not None
    assert config["recipes"]["head"]["name"] == "linear", "the default of the version that began it"
    assert config["recipes"]["sampler"]["name"] == "kcenter"


def test_a_simulation_goes_on_from_what_it_has_asked(pool: Path) -> None:
    """k-means starts by k-means++ since, so the batches that are still to come are others than they would have been."""
    project = copy_of("simulation", pool)
    before = EXPECTED["simulation"][""][:4]  # 16 labels, when the project was kept
    make.alframe(f"project={project.as_posix()}", *make.simulation_words(pool, 28))
    rounds = make.all_asked(project)
    assert rounds[""][:4] == before
    for keys in rounds.values():
        asked = [key for batch in keys for key in batch]
        assert len(set(asked)) == len(asked)
        assert len(asked) in (16, 28)
    assert len(rounds[""]) == 7
    assert {name.rpartition("-")[0] for name in rounds} == {name.rpartition("-")[0] for name in EXPECTED["simulation"]}
