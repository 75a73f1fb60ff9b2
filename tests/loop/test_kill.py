"""Killed at any moment, a campaign goes on with the same command and ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from alframe.testing.tiny import tiny_overrides, tiny_pool
from tests.loop.campaigns import accuracies, facts, only_project, start, warm_up

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a POSIX signal")


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pool(tmp_path_factory.mktemp("images"), classes=3, each=24)


@pytest.fixture(scope="module", params=["frozen", "fine-tuned"])
def campaign(request: pytest.FixtureRequest, pool: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple:
    """The words of a campaign, and the folder and the seconds of an undisturbed run of it."""
    tuned = ["finetune.start=8", "finetune.every=8", "finetune.first.epochs=1", "finetune.again.epochs=1"]
    extra = tuned if request.param == "fine-tuned" else []
    runs = tmp_path_factory.mktemp("undisturbed")

    def words(where: Path) -> list[str]:
        return [*tiny_overrides(pool, where), *extra]

    warm_up()
    began = time.monotonic()
    process = start(words(runs), runs)
    process.join(120)
    assert process.exitcode == 0
    return words, only_project(runs), time.monotonic() - began


def test_killed_at_random_moments(campaign: tuple, tmp_path: Path) -> None:
    words, undisturbed, seconds = campaign
    dice = random.Random(1)
    kills = 0
    for _ in range(200):
        process = start(words(tmp_path), tmp_path)
        # Short lives early, so that there is always something left to kill.
        process.join(dice.uniform(0.05, 0.5) * seconds if kills < 20 else 120)
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            kills += 1
        elif process.exitcode == 0 and kills >= 20:
            break
        elif process.exitcode == 0:  # it got to its end too early: begin again elsewhere, and keep counting
            assert facts(only_project(tmp_path)) == facts(undisturbed)
            tmp_path = tmp_path / "again"
            tmp_path.mkdir()
    assert kills >= 20
    assert facts(only_project(tmp_path)) == facts(undisturbed)
    assert not [file for file in only_project(tmp_path).rglob(".*") if file.suffix in (".tmp", ".old")]
    assert accuracies(only_project(tmp_path)) == accuracies(undisturbed)


def test_killed_before_each_transaction_in_turn(campaign: tuple, tmp_path: Path) -> None:
    """The moments that matter most: each start dies right before its next transaction but one."""
    words, undisturbed, _ = campaign
    for starts in range(1, 200):
        # One transaction of progress a start would not do: the first ones of a start only look again.
        process = start(words(tmp_path), tmp_path, die_at=3 + starts % 4)
        process.join(120)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
    assert starts > 3
    assert facts(only_project(tmp_path)) == facts(undisturbed)


def test_no_image_is_asked_twice(campaign: tuple) -> None:
    _, undisturbed, _ = campaign
    asked = [item for _, _, item, _ in facts(undisturbed)["selection"]]
    assert len(asked) == len(set(asked)) == 20
