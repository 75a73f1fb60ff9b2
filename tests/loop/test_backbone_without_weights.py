"""A backbone that has nothing to train is used as it is, whatever the plan of fine-tuning is."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from alframe import open_session
from alframe.builtins import REGISTRIES
from alframe.contracts import Backbone
from alframe.testing import tiny_overrides, tiny_pool
from tests.testing.wrong.backbones import WithoutWeights


def without_weights(**_: Any) -> Backbone:
    """Build the backbone from the recipe of another one."""
    backbone: Backbone = WithoutWeights()
    return backbone


def test_it_is_never_fine_tuned_and_the_run_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    registry = REGISTRIES["backbone"]
    parts = {**registry.builtins, "timm": f"{__name__}:without_weights"}
    monkeypatch.setattr(registry, "builtins", parts)
    words = [*tiny_overrides(tiny_pool(tmp_path / "images"), tmp_path / "runs"), "finetune.start=4", "loss=softmax"]
    with caplog.at_level(logging.INFO), open_session(*words) as session:
        session.task_to_run.run(session)
        assert session.history()[-1].labels == 20
    said = [record.getMessage() for record in caplog.records if "has no weights" in record.getMessage()]
    assert len(said) == 1 and "it is never fine-tuned" in said[0]
    assert not list(tmp_path.rglob("models/backbone-*"))
