"""A command that is killed before any of its file operations, from the first one on, goes on when it is given again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from alframe.app.cli import main
from alframe.store.ledger import Ledger
from alframe.testing.tiny import tiny_overrides, tiny_pool
from tests.command_line import CommandLine, alframe
from tests.killing import killed_before
from tests.loop.campaigns import COMPARED

__all__ = ["alframe"]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes are forked")


def state(project: Path) -> dict[str, object]:
    """What the ledger says, what people are asked, and all files that there are."""
    with Ledger.open(project, read_only=True) as ledger:
        facts: dict[str, object] = {table: ledger.raw_rows(table, columns) for table, columns in COMPARED.items()}
    facts["list"] = (project / "to_label" / "round-001" / "to_label.csv").read_bytes()
    facts["choices"] = (project / "alframe.yaml").read_bytes()
    facts["files"] = sorted(
        file.relative_to(project).as_posix() for file in project.rglob("*") if "cache" not in file.parts
    )
    return facts


@pytest.mark.parametrize("operations", [(0, 2, 5, 13), pytest.param(range(1, 400, 3), marks=pytest.mark.slow)])
def test_killed_from_the_first_operation_on(operations: tuple[int, ...], alframe: CommandLine, tmp_path: Path) -> None:
    images, project = tiny_pool(tmp_path / "images", each=3), tmp_path / "season"
    words = [word for word in tiny_overrides(images, tmp_path / "runs") if "classes" not in word]
    words += [f"project={project.as_posix()}", "label_source=csv"]
    assert alframe(*words).code == 0
    undisturbed, kills = state(project), 0
    for operation in operations:
        shutil.rmtree(project)
        if not killed_before(operation, lambda: main(words)):
            break
        kills += 1
        ended = alframe(*words)
        assert ended.code == 0, (operation, ended.err)
        assert state(project) == undisturbed, operation
        # Whoever comes back needs to name the project alone.
        assert alframe(f"project={project.as_posix()}").code == 0
        assert state(project) == undisturbed, operation
    assert kills >= 4
