"""`status` and `report` look at projects that nobody here may write to."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from alframe.app.api import open_session
from alframe.store.ledger import LEDGER_NAME, Ledger
from alframe.testing.tiny import tiny_overrides, tiny_pool
from alframe.types import Label
from tests.other_user import make_read_only, run_as_another_user

pytestmark = pytest.mark.skipif(os.name == "nt", reason="folders of Windows are made read-only in other ways")


@pytest.fixture
def words() -> Iterator[list[str]]:
    """The words of a campaign that waits for its first labels."""
    with tempfile.TemporaryDirectory() as name:
        images = tiny_pool(Path(name) / "images", each=3)
        tiny = [word for word in tiny_overrides(images, Path(name) / "runs") if "classes" not in word]
        words = [*tiny, f"project={name}/p", "label_source=csv"]
        with open_session(*words) as session:
            session.task_to_run.run(session)
        yield words
        for path in (Path(name), *Path(name).rglob("*")):
            path.chmod(0o755)


def look(words: list[str], task: str) -> str:
    def run() -> str:
        os.chdir("/")
        with open_session(*words, f"task={task}") as session:
            return session.task_to_run.run(session).message

    return run_as_another_user(run)


@pytest.mark.parametrize("log", [False, True])
def test_status_and_report_only_read(log: bool, words: list[str]) -> None:
    """With `log`, the last changes are still in SQLite's log: the command that wrote them was killed."""
    folder = Path(next(word for word in words if word.startswith("project=")).removeprefix("project="))
    if log:
        with Ledger.open(folder) as ledger:
            with ledger.transaction():
                ledger.add_labels([(0, Label("class_0/000.png", "class_0"))], None, "pool")
            for suffix in ("", "-wal"):
                shutil.copyfile(folder / f"{LEDGER_NAME}{suffix}", folder / f"copy{suffix}")
        for suffix in ("", "-wal"):
            (folder / f"copy{suffix}").replace(folder / f"{LEDGER_NAME}{suffix}")
    make_read_only(folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    status = look(words, "status")
    assert f"Labels:   {int(log)}\n" in status
    assert "of 4 images of round 1 are answered" in status
    report = look(words, "report")
    assert "cannot be written to" in report
    page = Path(report.partition("Report: ")[2].partition(" (")[0])
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    page.unlink()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
