"""Names that were built in, and are now in a plugin, say what to install, wherever they come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from alframe.testing.tiny import tiny_overrides
from tests.command_line import CommandLine, alframe, pool

__all__ = ["alframe", "pool"]

MOVED = [
    ("loss=metric", "The loss 'metric' is in a package of its own now.", "pip install alframe-metric-learning"),
    ("sampler=glosh", "The sampler 'glosh' is in a package of its own now.", "pip install alframe-hdbscan"),
    ("sampler=clusters", "The sampler 'clusters' is in a package of its own now.", "pip install alframe-hdbscan"),
]


@pytest.mark.parametrize(("word", "said", "command"), MOVED)
def test_on_the_command_line(alframe: CommandLine, word: str, said: str, command: str) -> None:
    finished = alframe(word, "pool=digits")
    assert finished.code == 1 and said in finished.err and command in finished.err


@pytest.mark.parametrize(("word", "said", "command"), MOVED)
def test_in_a_project_that_was_saved_with_it(
    alframe: CommandLine, pool: Path, tmp_path: Path, word: str, said: str, command: str
) -> None:
    words = [*tiny_overrides(pool, tmp_path / "runs"), "label_source=csv", "project=season"]
    assert alframe(*words).code == 0
    choices = tmp_path / "season" / "alframe.yaml"
    choices.write_text(f"{choices.read_text(encoding='utf-8').rstrip()}\n- {word}\n", encoding="utf-8")
    for verb in ([], ["status"]):
        finished = alframe(*verb, "project=season")
        assert finished.code == 1 and said in finished.err and command in finished.err
        assert "Traceback" not in finished.err
