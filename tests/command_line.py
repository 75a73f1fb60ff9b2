"""The command line, called in this process: importing torch anew for each command would take most of the time."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra

from alframe.app.cli import main
from alframe.testing.tiny import tiny_pool


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str


CommandLine = Callable[..., Finished]


@pytest.fixture
def alframe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[CommandLine]:
    """``alframe("status", "show=3")`` as typed in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["alframe"])
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*words: str) -> Finished:
        GlobalHydra.instance().clear()
        capsys.readouterr()
        try:
            main(words)
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return Finished(code, *capsys.readouterr())

    yield run
    GlobalHydra.instance().clear()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of 16 images."""
    return tiny_pool(tmp_path_factory.mktemp("images"))
