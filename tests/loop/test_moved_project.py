"""A project folder that is moved: its embeddings are found again, or it is said where they would be."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from alframe import open_session
from alframe.loop import cache_folder
from alframe.loop import session as session_module
from alframe.loop.cache_folder import CACHE_RECORD_NAME, find_cache_folder
from alframe.testing.tiny import tiny_overrides, tiny_pool
from tests.command_line import CommandLine, alframe

__all__ = ["alframe"]


@pytest.fixture
def moved(alframe: CommandLine, tmp_path: Path) -> Path:
    """The new place of a project whose cache has stayed."""
    words = tiny_overrides(tiny_pool(tmp_path / "images", classes=3, each=8), tmp_path / "runs")
    words = [word for word in words if "classes" not in word]
    assert alframe(*words, "label_source=csv").code == 0
    (ledger,) = tmp_path.glob("runs/*/ledger.sqlite")
    (tmp_path / "elsewhere").mkdir()
    return Path(shutil.move(ledger.parent, tmp_path / "elsewhere" / "season"))


def test_the_old_cache_is_used_and_named(alframe: CommandLine, moved: Path, tmp_path: Path) -> None:
    again = alframe(f"project={moved}")
    assert again.code == 0, again.err
    old = tmp_path / "runs" / "cache"
    assert f"It uses the embeddings in {old}, at its old place" in again.err
    assert not (moved / "cache").exists()
    shutil.copytree(old, moved / "cache")  # as the message advises
    assert find_cache_folder(moved, tmp_path / "runs") == moved / "cache"
    assert f"uses the embeddings in {moved / 'cache'} from now on" in alframe(f"project={moved}").err
    assert "embeddings" not in alframe(f"project={moved}").err
    assert (moved / CACHE_RECORD_NAME).read_text(encoding="utf-8").strip() == str(moved / "cache")


@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_cache_that_is_gone_is_named(alframe: CommandLine, moved: Path, tmp_path: Path, is_recorded: bool) -> None:
    old = tmp_path / "runs" / "cache"
    old.rename(tmp_path / "archive")
    if not is_recorded:  # a project of an earlier version
        (moved / CACHE_RECORD_NAME).unlink()
    again = alframe(f"project={moved}")
    assert again.code == 0, again.err
    said = " ".join(again.err.split())
    assert re.search(rf"has no embeddings in {moved / 'cache'}{f', nor in {old}' if is_recorded else ''},", said), said
    assert "embedded again" not in alframe(f"project={moved}").err


def test_a_cache_that_is_back_is_used_again(alframe: CommandLine, moved: Path, tmp_path: Path) -> None:
    old, away = tmp_path / "runs" / "cache", tmp_path / "away"
    old.rename(away)  # as if its drive was off
    assert "on a drive that is off, stop now and connect it" in " ".join(alframe(f"project={moved}").err.split())
    assert (moved / "cache").exists()
    assert find_cache_folder(moved, tmp_path / "runs") == moved / "cache"
    away.rename(old)
    again = alframe(f"project={moved}")
    assert f"It uses the embeddings in {old}, at its old place" in again.err
    assert f"and delete {moved / CACHE_RECORD_NAME}" in again.err
    shutil.rmtree(moved / "cache")  # as that message advises
    shutil.copytree(old, moved / "cache")
    (moved / CACHE_RECORD_NAME).unlink()
    assert find_cache_folder(moved, tmp_path / "runs") == moved / "cache"


def test_the_cache_of_other_projects_is_no_reason_to_leave_ones_own(
    alframe: CommandLine, moved: Path, tmp_path: Path
) -> None:
    old, beside = tmp_path / "runs" / "cache", moved.parent / "cache"
    beside.mkdir()
    (beside / "contents.sqlite").touch()
    assert find_cache_folder(moved, tmp_path / "runs") == old
    assert f"It uses the embeddings in {old}, at its old place" in alframe(f"project={moved}").err


def test_the_cache_of_other_projects_is_used_in_words(alframe: CommandLine, moved: Path, tmp_path: Path) -> None:
    old, beside = tmp_path / "runs" / "cache", moved.parent / "cache"
    beside.mkdir()
    (beside / "contents.sqlite").touch()
    old.rename(tmp_path / "away")
    said = " ".join(alframe(f"project={moved}").err.split())
    assert f"in {old}, which cannot be found. What is missing in {beside} is embedded again" in said
    shutil.copytree(tmp_path / "away", moved / "cache")  # as the message advises
    assert find_cache_folder(moved, tmp_path / "runs") == moved / "cache"


def test_a_cache_that_cannot_be_written_to_is_kept_in_mind(
    alframe: CommandLine, moved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "runs" / "cache"
    with monkeypatch.context() as patch:
        patch.setattr(cache_folder.os, "access", lambda path, mode: path != old / "contents.sqlite")
        assert "which cannot be written to" in alframe(f"project={moved}").err
        assert find_cache_folder(moved, tmp_path / "runs") == moved / "cache"
    assert find_cache_folder(moved, tmp_path / "runs") == old


def test_a_session_that_cannot_begin_gives_the_lock_back(moved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    session = open_session(f"project={moved}")
    with monkeypatch.context() as patch:
        patch.setattr(session_module, "record_cache_folder", interrupt)
        with pytest.raises(KeyboardInterrupt), session:
            pass
    with open_session(f"project={moved}"):  # another object: the first one still has its lock, or not
        pass
