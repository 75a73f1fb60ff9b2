"""Whatever a file of a project holds, a command reads it, makes it again, or says in words what is wrong with it."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from alframe.app.api import open_session
from alframe.errors import AlframeError
from alframe.tasks.run import _read_done_file
from alframe.testing.tiny import tiny_overrides, tiny_pool

WRONG = (
    b"",
    b"[]",
    b"{}",
    b"null",
    b"NaN",
    b"[" * 20_000,
    b"\x00\xff" * 500,
    b'{"identity": 1}',
    "{}".encode("utf-16"),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path]:
    """The words of a campaign that has ended, and its project."""
    folder = tmp_path_factory.mktemp("finished")
    words = [*tiny_overrides(tiny_pool(folder / "images", each=5), folder / "runs"), "stopping.labels=8"]
    words.append(f"project={(folder / 'project').as_posix()}")
    run(words)
    return words, folder / "project"


def run(words: list[str], task: str = "run") -> str:
    with open_session(*words, f"task={task}") as session:
        return session.task_to_run.run(session).message


@pytest.mark.parametrize("content", [*WRONG, b'{"identity": "x", "message": "m", "value": "v"}', None])
def test_a_note_of_the_end_that_cannot_be_read_is_written_again(
    content: bytes | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "done.json"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    assert _read_done_file(file, "x", True) is None
    assert "cannot be read; the results are computed again" in caplog.text


def spoil(file: Path, dice: random.Random) -> None:
    data = file.read_bytes()
    match dice.choice(["bytes", "half", "wrong", "folder", "link"]):
        case "bytes" if data:
            spoilt = bytearray(data)
            for _ in range(dice.choice([1, 5])):
                spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
            file.write_bytes(spoilt)
        case "folder":
            file.unlink()
            file.mkdir()
        case "link":
            file.unlink()
            file.symlink_to(file.name)
        case "half":
            file.write_bytes(data[: len(data) // 2])
        case _:
            file.write_bytes(dice.choice(WRONG))


@pytest.mark.parametrize("times", [2, pytest.param(300, marks=pytest.mark.slow)])
def test_a_spoilt_file_ends_in_words(times: int, finished: tuple[list[str], Path], tmp_path: Path) -> None:
    words, project = finished
    dice, whole = random.Random(times), shutil.copytree(project, tmp_path / "whole")
    for _ in range(times):
        names = [file for file in sorted(project.rglob("*")) if file.is_file() and file.name != ".lock"]
        spoil(dice.choice(names), dice)
        for task in ("status", "report", "run"):
            try:
                assert run(words, task)
            except (AlframeError, OSError) as error:  # of which the command line says where, and what to do
                assert str(error)
        shutil.rmtree(project)
        shutil.copytree(whole, project)
    (project / "done.json").write_text(json.dumps({"identity": "another", "message": "", "value": None}))
    assert "computed" not in run(words)
