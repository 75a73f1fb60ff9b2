"""A folder that was moved: its labels are found again, and its images are not embedded again."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from alframe.engine.embedding import embed_pool
from alframe.testing.tiny import tiny_overrides, tiny_pool
from tests.command_line import CommandLine, alframe
from tests.sheets import answer_sheet

__all__ = ["alframe"]


@pytest.fixture
def words(alframe: CommandLine, tmp_path: Path) -> list[str]:
    """Of a campaign with answers, whose images lie elsewhere now; a second card holds others of the same names."""
    images = tiny_pool(tmp_path / "card 1", classes=3, each=12)
    tiny_pool(tmp_path / "card 2", classes=3, each=12, seed=7, size=48)
    words = [word for word in tiny_overrides(images, tmp_path / "runs") if not word.startswith("pool.")]
    words += ["label_source=csv", "start.labels=9"]
    assert alframe(*words, f"pool.root={images}").code == 0
    (sheet,) = tmp_path.glob("runs/*/to_label/round-001/to_label.csv")
    answer_sheet(sheet)
    assert alframe(*words, f"pool.root={images}").code == 0
    shutil.move(images, tmp_path / "disk" / "card 1")
    return words


def test_the_new_place_alone_is_answered_with_the_command_that_goes_on(
    alframe: CommandLine, words: list[str], tmp_path: Path
) -> None:
    new = tmp_path / "disk" / "card 1"
    said = alframe(*words, f"pool.root={new}").err
    assert re.search(r"36 of these 36 images belong to the project .*card_1-\w+, which has 9 labels", said), said
    command = said[said.index("python -m alframe") :].splitlines()[0]
    went_on = alframe(*shlex.split(command)[3:])
    assert went_on.code == 0, went_on.err
    assert "belong to the project" not in went_on.err
    status = alframe("status", shlex.split(command)[3]).out
    assert "Labels:   9" in status


def test_other_images_of_the_same_names_are_no_reason(alframe: CommandLine, words: list[str], tmp_path: Path) -> None:
    shutil.move(tmp_path / "disk" / "card 1", tmp_path / "card 1")
    assert "belong to the project" not in alframe(*words, f"pool.root={tmp_path / 'card 2'}").err


def test_nothing_is_embedded_again(
    alframe: CommandLine, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "disk" / "card 1"
    (changed,) = new.glob("class_0/003.png")
    shutil.copy(new / "class_1" / "003.png", changed)  # another picture under its name, saved now
    embedded = []
    process_shards = embed_pool.process_shards

    def counted(title: str, process: object, batch_size: int, shards: object) -> object:
        embedded.extend(item.id for shard in shards for item in shard)
        return process_shards(title, process, batch_size, shards)

    monkeypatch.setattr(embed_pool, "process_shards", counted)
    (project,) = tmp_path.glob("runs/card*")
    answer_sheet(project / "to_label" / "round-002" / "to_label.csv")
    went_on = alframe(f"project={project}", f"pool.root={new}")
    assert went_on.code == 0, went_on.err
    assert set(embedded) <= {"class_0/003.png"}
