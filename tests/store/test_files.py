"""Files are replaced whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from alframe.store import files
from alframe.store.files import clean_up_after_killed_writers, is_junction, replace_atomically, write_json
from tests.killing import killed_before


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    write_json(file, {"a": 1})
    with pytest.raises(RuntimeError), replace_atomically(file) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert file.read_text() == '{\n  "a": 1\n}\n'
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no folders to fsync")
def test_new_content_is_on_the_disk_before_it_takes_the_old_ones_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note_fsync(handle: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def note_replace(path: Path, target: Path) -> Path:
        steps.append("replace")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    write_json(tmp_path / "x.json", {"a": 1})
    assert steps == ["file", "replace", "folder"]
    steps.clear()
    with replace_atomically(tmp_path / "out") as temporary:
        temporary.mkdir()
        (temporary / "a").write_text("a")
        (temporary / "b").write_text("b")
    assert steps == ["file", "file", "replace", "folder"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for names in (["a", "b"], ["c"]):
        with replace_atomically(tmp_path / "out") as temporary:
            temporary.mkdir()
            for name in names:
                (temporary / name).write_text(name)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["c"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_old_folder_is_removed_when_the_new_one_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").write_text("")
    there: list[bool] = []
    remove = shutil.rmtree
    monkeypatch.setattr(files.shutil, "rmtree", lambda *a, **k: (there.append((out / "new").exists()), remove(*a, **k)))
    with replace_atomically(out) as temporary:
        temporary.mkdir()
        (temporary / "new").write_text("")
    assert there == [True]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").write_text("")
    move = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self.suffix == ".tmp":
            raise PermissionError("another program has it open")
        return move(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(PermissionError), replace_atomically(out) as temporary:
        temporary.mkdir()
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "old"]


@pytest.mark.skipif(os.name == "nt", reason="processes are forked")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_a_killed_process_has_left_is_cleared(tmp_path: Path, what: str) -> None:
    """Killed before each of its operations: there is the old content or the new, and in the end nothing else."""

    def write(path: Path, text: str) -> None:
        if what == "folder":
            path.mkdir()
            path = path / "inside"
        path.write_text(text)

    for operation in range(30):
        place = tmp_path / str(operation)
        place.mkdir()
        target, more = place / "x.y", [place / ".x.tmp", place / ".hidden.12345678.tmp~", place / "x.12345678.tmp"]
        for own in more:
            own.touch()
        write(target, "old")

        def replace(target: Path = target) -> None:
            with replace_atomically(target) as temporary:
                write(temporary, "new")

        was_killed = killed_before(operation, replace)
        clean_up_after_killed_writers(place)
        assert sorted(place.iterdir()) == sorted([target, *more])
        assert (target / "inside" if what == "folder" else target).read_text() in ("old", "new")
        if not was_killed:
            break
    assert operation > 2


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_links_in_a_folder_leave_the_originals_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: Callable[[Path, Path], None]
) -> None:
    original = tmp_path / "original"
    original.write_text("kept")
    opened: list[Path] = []
    monkeypatch.setattr(files, "_fsync_file", opened.append)
    for _ in range(2):
        with replace_atomically(tmp_path / "out") as temporary:
            temporary.mkdir()
            link(original, temporary / "link")
    assert original.read_text() == (tmp_path / "out" / "link").read_text() == "kept"
    assert not opened


def test_junctions_are_known_by_their_tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_junction(tmp_path)
    monkeypatch.setattr(files, "WINDOWS", True)
    assert not is_junction(tmp_path / "none")
    monkeypatch.setattr(os, "lstat", lambda _: SimpleNamespace(st_reparse_tag=0xA0000003))
    assert is_junction(tmp_path)
    monkeypatch.setattr(os, "lstat", lambda _: SimpleNamespace(st_reparse_tag=0xA000000C))  # a symbolic link
    assert not is_junction(tmp_path)
