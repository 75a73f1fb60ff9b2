"""A project that was begun with names of an older version goes on, with a warning and the same batches."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from alframe.builtins import REGISTRIES
from alframe.store.ledger import Ledger
from alframe.testing import tiny_overrides
from tests.command_line import CommandLine, alframe, pool

__all__ = ["alframe", "pool"]


def batches(project: Path) -> list[list[int]]:
    with Ledger.open(project, read_only=True) as ledger:
        return [list(asked.keys) for asked in ledger.stored_rounds()]


def test_old_names_in_saved_choices_and_the_ledger(
    alframe: CommandLine, pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = [*tiny_overrides(pool, tmp_path / "runs"), "sampler=margin", "head=mlp", "head.epochs=20"]
    assert alframe(*begun, "stopping.labels=12", "project=undisturbed").code == 0
    assert alframe(*begun, "stopping.labels=8", "project=renamed").code == 0

    project = tmp_path / "renamed"
    choices = (project / "alframe.yaml").read_text()
    assert choices.count("sampler=margin") == choices.count("head.epochs=20") == 1
    old = choices.replace("sampler=margin", "sampler=lowest_margin").replace("head.epochs", "head.passes")
    (project / "alframe.yaml").write_text(old)
    with closing(sqlite3.connect(project / "ledger.sqlite")) as db, db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f'DROP TRIGGER "{trigger}"')  # those that keep the ledger append-only
        for number, text in db.execute("SELECT number, config FROM round").fetchall():
            config = json.loads(text)
            config["recipes"]["sampler"]["name"] = "lowest_margin"
            config["recipes"]["head"]["passes"] = config["recipes"]["head"].pop("epochs")
            db.execute("UPDATE round SET config = ? WHERE number = ?", [json.dumps(config), number])

    monkeypatch.setattr(REGISTRIES["sampler"], "renamed", {"lowest_margin": "margin"})
    monkeypatch.setattr(REGISTRIES["head"], "renamed_parameters", {"mlp": {"passes": "epochs"}})
    finished = alframe("project=renamed", "stopping.labels=12")
    assert finished.code == 0, finished.err
    assert "sampler=lowest_margin has been renamed: use sampler=margin from now on" in finished.err
    assert "head.passes has been renamed: use head.epochs from now on" in finished.err
    assert batches(project) == batches(tmp_path / "undisturbed")


def test_an_old_name_on_the_command_line(
    alframe: CommandLine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(REGISTRIES["sampler"], "renamed", {"smallest_margin": "margin"})
    finished = alframe("status", "sampler=smallest_margin")
    assert "There is no project" in finished.err, "which says that the command was understood"
    assert "sampler=smallest_margin has been renamed: use sampler=margin from now on" in caplog.text
