"""Rounds that an earlier version asked go on: their manifests and marks are still read."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from alframe.kit.round_folders import (
    MANIFEST,
    classes_when_asked,
    marking_round_asked,
    read_manifest,
    round_folder,
    take_free_name,
    write_manifest,
)
from alframe.kit.round_images import place_image
from alframe.types import Request

OLD_MANIFESTS = {
    "folder": "name,id,hash,size,again\r\n001_a.jpg,x/a.jpg,0f,12,\r\n002_b.jpg,b.jpg,1e,7,yes\r\n",
    "folder without sizes": "name,id,hash\r\n001_a.jpg,x/a.jpg,0f\r\n",
    "timelapse": "name,id,hash,again\r\nx/a.jpg,x/a.jpg,0f,\r\nb.jpg,b.jpg,-,again\r\n",
}


@pytest.mark.parametrize("text", OLD_MANIFESTS.values(), ids=OLD_MANIFESTS)
def test_a_manifest_of_an_earlier_version_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_bytes(b"\xef\xbb\xbf" + text.encode())
    images, problems = read_manifest(tmp_path)
    assert problems == []
    assert [image.id for image in images] == ["x/a.jpg", "b.jpg"][: len(images)]
    assert [image.reissued for image in images] == [False, True][: len(images)]
    assert images[0].hash == "0f"
    write_manifest(tmp_path, images)
    assert read_manifest(tmp_path) == (images, [])


def test_a_manifest_without_a_column_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("name,id\n001_a.jpg,a.jpg\n")
    images, problems = read_manifest(tmp_path)
    assert images == []
    assert MANIFEST in str(problems[0])


def test_a_round_knows_that_it_was_asked_and_with_which_classes(tmp_path: Path) -> None:
    request = Request(3, (), ("fox", "deer"), tmp_path / "labels")
    assert classes_when_asked(request) == ()
    with pytest.raises(KeyboardInterrupt), marking_round_asked(request) as asked_before:
        assert not asked_before
        raise KeyboardInterrupt  # before the images were in place
    with marking_round_asked(request) as asked_before:
        assert not asked_before
    later = Request(3, (), ("fox", "deer", "lynx"), tmp_path / "labels")
    with marking_round_asked(later) as asked_before:
        assert asked_before
    assert classes_when_asked(later) == ("fox", "deer")
    assert (tmp_path / "labels" / ".round-003.asked").exists(), "where the earlier version left it"
    assert round_folder(request) == tmp_path / "labels" / "round-003"


def test_a_name_is_taken_in_any_case_and_spelling() -> None:
    taken: set[str] = set()
    names = [take_free_name((name, f"{name}_2"), taken) for name in ("große", "gro\u0308ße", "GRÖSSE", "a")]
    assert names == ["große", "gro\u0308ße", "GRÖSSE_2", "a"]
    with pytest.raises(StopIteration):
        take_free_name(("A",), taken)


def test_an_image_is_linked_copied_or_drawn_and_a_kill_leaves_no_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source.jpg"
    source.write_bytes(b"12345")
    os.utime(source, (1e9, 1e9))
    assert place_image(source, tmp_path / "new" / "link.jpg", link=True) == 0
    assert source.samefile(tmp_path / "new" / "link.jpg")
    assert place_image(source, tmp_path / "copy.jpg", link=False) == 5
    assert not source.samefile(tmp_path / "copy.jpg")
    assert place_image(source, tmp_path / "drawn.jpg", True, b"123") == 3
    for name in ("copy.jpg", "drawn.jpg"):
        assert (tmp_path / name).stat().st_mtime == 1e9, "viewers sort by it"

    def die(_: Path, target: Path) -> None:
        target.write_bytes(b"1")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "copyfile", die)
        place_image(source, tmp_path / "killed.jpg", link=False)
    assert not list(tmp_path.glob("*killed*"))
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
    assert place_image(source, tmp_path / "copied.jpg", link=True) == 5
