"""Plans of fine-tuning in whole campaigns: where each begins, what stops one early, and what an older project knows."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from alframe.app.api import open_session
from alframe.errors import BadParams
from alframe.store.events import FineTuned
from alframe.store.ledger import Ledger
from alframe.testing.tiny import tiny_overrides, tiny_pool
from alframe.types import OutcomeState

TUNED = ["finetune.start=8", "finetune.every=8", "finetune.first.epochs=1"]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pool(tmp_path_factory.mktemp("images"), classes=3, each=12)


def run(images: Path, runs: Path, *more: str) -> Path:
    with open_session(*tiny_overrides(images, runs), *TUNED, *more) as session:
        assert session.task_to_run.run(session).state is OutcomeState.DONE
        return session.folder


def same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("warm", [True, False])
def test_the_second_training_begins_where_it_is_told(images: Path, tmp_path: Path, warm: bool) -> None:
    folder = run(images, tmp_path, "finetune.again.epochs=0", f"finetune.again.warm={warm}")
    first, second = (load_file(folder / f"models/backbone-000{number}.safetensors") for number in (2, 4))
    with open_session(*tiny_overrides(images, tmp_path)) as session:
        original = session.parts.backbone.module(session.settings.seed).state_dict()
    assert same(second, first) is warm
    assert same(second, original) is not warm
    assert not same(first, original)


def test_all_of_a_plan_at_once(images: Path, tmp_path: Path) -> None:
    """Every value that is not the default, to the end; again in the same folder, nothing is left to do."""
    words = [
        f"finetune.{plan}.{word}"
        for plan in ("first", "again")
        for word in ("epochs=2", "optimiser=sgd", "schedule=one_cycle", "precision=mixed", "freeze=1", "patience=1")
    ]
    folder = run(images, tmp_path, "loss=softmax", "loss.weighting=effective", "backbone.dim=16", *words)
    with open_session(*tiny_overrides(images, tmp_path), "backbone.dim=16") as session:
        original = session.parts.backbone.module(session.settings.seed).state_dict()
    trained = load_file(folder / "models/backbone-0004.safetensors")
    frozen = {name for name in trained if name.startswith(("trunk.conv1", "trunk.bn1", "trunk.layer1"))}
    assert frozen
    assert all(torch.equal(trained[name], original[name]) for name in frozen)
    before = (folder / "ledger.sqlite").read_bytes()
    assert run(images, tmp_path, "loss=softmax", "loss.weighting=effective", "backbone.dim=16", *words) == folder
    assert (folder / "ledger.sqlite").read_bytes() == before


def test_a_stage_that_is_not_there_shows_before_the_first_training(images: Path, tmp_path: Path) -> None:
    with pytest.raises(BadParams, match="freeze=9: the stages of this backbone are 0 to"):
        run(images, tmp_path, "finetune.again.freeze=9")
    (ledger,) = tmp_path.glob("*/ledger.sqlite")
    with Ledger.open(ledger.parent, read_only=True) as opened:
        assert not opened.events_of(FineTuned)
        assert len(opened.stored_rounds()) <= 1


def test_a_simulation_from_before_a_setting_was_there_goes_on(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [f"project={(tmp_path / 'one').as_posix()}", "stopping.labels=8"]
    run(images, tmp_path, *words)
    now = Ledger.latest_config

    def before(ledger: Ledger) -> dict[str, Any] | None:
        config = copy.deepcopy(now(ledger))
        if config is not None:
            for plan in ("first", "again"):
                for key in ("optimiser", "schedule", "precision", "freeze", "patience", "warm"):
                    config["settings"]["finetune"][plan].pop(key)
        return config

    monkeypatch.setattr(Ledger, "latest_config", before)
    run(images, tmp_path, *words, "stopping.labels=12")
    with pytest.raises(BadParams, match="started with a different finetune"):
        run(images, tmp_path, *words, "stopping.labels=16", "finetune.first.lr=0.5")
