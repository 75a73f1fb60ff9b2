from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.errors import BadParams, LabelError
from alframe.formats.tables import Row, rows
from alframe.label_sources import _folder_images as module
from alframe.label_sources._folder_images import MANIFEST
from alframe.label_sources.folder import Folder
from alframe.label_sources.rounds import round_folder
from alframe.store.names import file_name, folder_name
from alframe.testing.label_source import LabelSourceSuite
from alframe.types import Request


def names(request: Request) -> dict[str, str]:
    entries = list(rows(round_folder(request) / MANIFEST, ("name", "id", "hash")))
    return {row.get("id"): row.get("name") for row in entries if isinstance(row, Row)}


class Suite(LabelSourceSuite):
    def answer(self, request: Request, answers: Mapping[str, str]) -> None:
        """Drag the images; one that was not asked for is copied in from the pool."""
        table = names(request)
        for item in request.items:
            if item.id in answers:
                place = round_folder(request) / answers[item.id]
                place.mkdir(exist_ok=True)
                if item.id in table:
                    shutil.move(round_folder(request) / table[item.id], place)
                else:
                    shutil.copy(item.path, place)

    def clear(self, request: Request, ids: Collection[str]) -> None:
        """Drag them back, beside the folders."""
        for id in ids:
            (file,) = (file for file in round_folder(request).rglob("*") if file.name == names(request)[id])
            shutil.move(file, round_folder(request))

    def also(self, request: Request, answers: Mapping[str, str]) -> None:
        for item in request.items:
            if item.id in answers:
                shutil.copy(item.path, round_folder(request) / answers[item.id] / "a copy.png")


class TestFolder(Suite):
    def make(self) -> Folder:
        return Folder()


class TestFolderWithLinks(Suite):
    def make(self) -> Folder:
        return Folder(link=True)


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    suite = LabelSourceSuite()
    items = tuple(suite.image(tmp_path, name, number) for number, name in enumerate(["a/1.png", "b/1.png", "b/2.png"]))
    request = Request(1, items, ("fox", "deer"), tmp_path / "labels")
    Folder().request(request)
    return request


def root(request: Request) -> Path:
    return round_folder(request)


def labels(request: Request, source: Folder | None = None) -> dict[str, str]:
    return {label.item: label.class_name for label in (source or Folder()).collect(request).labels}


def problems(request: Request) -> list[str]:
    return [str(problem) for problem in Folder().collect(request).problems]


def files(request: Request) -> list[str]:
    return sorted(file.relative_to(root(request)).as_posix() for file in root(request).rglob("*") if file.is_file())


def test_the_folder_is_laid_out_by_rank(request_: Request) -> None:
    assert files(request_) == ["001_1.png", "002_1.png", "003_2.png", "manifest.csv"]
    assert sorted(place.name for place in root(request_).iterdir() if place.is_dir()) == ["deer", "fox", "unsure"]
    assert (root(request_) / "002_1.png").read_bytes() == request_.items[1].path.read_bytes()
    assert (root(request_) / "002_1.png").stat().st_mtime == request_.items[1].path.stat().st_mtime
    assert str(root(request_)) in Folder().request(request_)


def test_copies_share_nothing_with_the_pool_and_links_do(request_: Request) -> None:
    original = request_.items[0].path
    assert not (root(request_) / "001_1.png").samefile(original)
    linked = replace(request_, round=2)
    Folder(link=True).request(linked)
    assert (root(linked) / "001_1.png").samefile(original)


def test_no_links_here_means_copies(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links on this file system")

    monkeypatch.setattr(os, "link", refuse)
    linked = replace(request_, round=2)
    Folder(link=True).request(linked)
    assert len(files(linked)) == 4


def test_what_was_moved_is_not_put_back_and_what_was_deleted_is(request_: Request) -> None:
    shutil.move(root(request_) / "001_1.png", root(request_) / "fox" / "renamed.png")
    shutil.move(root(request_) / "002_1.png", root(request_) / "deer")
    (root(request_) / "003_2.png").unlink()
    Folder().request(request_)
    assert files(request_) == ["003_2.png", "deer/002_1.png", "fox/renamed.png", "manifest.csv"]
    assert labels(request_) == {"a/1.png": "fox", "b/1.png": "deer"}


@pytest.mark.parametrize("done", range(4))
def test_a_killed_request_is_completed(request_: Request, done: int, monkeypatch: pytest.MonkeyPatch) -> None:
    request = replace(request_, round=2)
    copy = shutil.copyfile
    calls = iter(range(10))

    def die(source: Path, target: Path) -> None:
        if next(calls) == done:
            target.write_bytes(b"half")
            raise KeyboardInterrupt
        copy(source, target)

    monkeypatch.setattr(shutil, "copyfile", die)
    if done < 3:
        with pytest.raises(KeyboardInterrupt):
            Folder().request(request)
        assert len(files(request)) == 1 + done
    Folder().request(request)
    assert files(request) == ["001_1.png", "002_1.png", "003_2.png", "manifest.csv"]


def test_what_a_kill_leaves_behind_is_ignored(request_: Request) -> None:
    (root(request_) / ".001_1.png.12345678.tmp").write_bytes(b"half")
    (root(request_) / "001_1.png").unlink()
    Folder().request(request_)
    assert (root(request_) / "001_1.png").read_bytes() == request_.items[0].path.read_bytes()
    assert problems(request_) == []


def test_an_image_in_two_class_folders_has_two_labels(request_: Request) -> None:
    shutil.copy(root(request_) / "001_1.png", root(request_) / "fox")
    shutil.copy(root(request_) / "001_1.png", root(request_) / "deer" / "001_1 - Copy.png")
    shutil.copy(root(request_) / "001_1.png", root(request_) / "deer" / "001_1 (2).png")
    shutil.copy(root(request_) / "002_1.png", root(request_) / "deer")
    said = [(label.item, label.class_name) for label in Folder().collect(request_).labels]
    assert said == [("a/1.png", "deer"), ("a/1.png", "fox"), ("b/1.png", "deer")]
    assert problems(request_) == []


def test_two_images_alike_to_the_byte(tmp_path: Path) -> None:
    suite = LabelSourceSuite()
    items = (suite.image(tmp_path, "a.png", 1), suite.image(tmp_path, "b.png", 1))
    request = Request(1, items, ("fox",), tmp_path / "labels")
    Folder().request(request)
    shutil.move(root(request) / "001_a.png", root(request) / "fox" / "renamed.png")
    assert labels(request) == {"a.png": "fox"}, "the other is still in its place, so it is this one"
    (root(request) / "002_b.png").unlink()
    assert labels(request) == {}
    assert "could be several" in problems(request)[0]


def test_litter_is_ignored_and_strangers_are_not(request_: Request) -> None:
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._001_1.png"):
        (root(request_) / "fox" / name).write_bytes(b"x")
    (root(request_) / ".Trash").mkdir()
    (root(request_) / ".Trash" / "001_1.png").write_bytes(b"x")
    (root(request_) / "notes.txt").write_text("my notes")
    assert problems(request_) == []
    (root(request_) / "fox" / "holiday.png").write_bytes(b"x")
    (message,) = problems(request_)
    assert "holiday.png: is none of the images of this round" in message


def test_a_broken_link_is_a_problem(request_: Request) -> None:
    try:
        (root(request_) / "fox" / "x.png").symlink_to(root(request_) / "nowhere.png")
    except OSError:
        pytest.skip("no symbolic links here")
    assert "cannot be read" in problems(request_)[0]
    Folder().request(request_)


def test_a_link_to_an_image_is_an_answer(request_: Request) -> None:
    try:
        (root(request_) / "fox" / "x.png").symlink_to(request_.items[2].path)
    except OSError:
        pytest.skip("no symbolic links here")
    assert labels(request_) == {"b/2.png": "fox"}


def test_a_folder_in_a_class_folder_is_a_problem_and_still_counts_as_moved(request_: Request) -> None:
    (root(request_) / "fox" / "cubs").mkdir()
    shutil.move(root(request_) / "001_1.png", root(request_) / "fox" / "cubs")
    Folder().request(request_)
    assert not (root(request_) / "001_1.png").exists()
    assert labels(request_) == {}
    assert "Move it up" in problems(request_)[0]


def test_a_new_folder_is_a_slip_or_a_class(request_: Request) -> None:
    (root(request_) / "foxx").mkdir()
    assert problems(request_) == [], "an empty folder says nothing"
    for name in ("001_1.png", "002_1.png"):
        shutil.move(root(request_) / name, root(request_) / "foxx")
    (message,) = problems(request_)
    assert "Did you mean 'fox'?" in message
    assert labels(request_, Folder(new_classes="add")) == {"a/1.png": "foxx", "b/1.png": "foxx"}
    assert labels(replace(request_, classes=())) == {"a/1.png": "foxx", "b/1.png": "foxx"}


@pytest.mark.parametrize("content", [None, b"", b"name,id\n", b'name,id,hash\n"'])
def test_a_lost_manifest_is_written_anew(request_: Request, content: bytes | None) -> None:
    shutil.move(root(request_) / "001_1.png", root(request_) / "fox")
    if content is None:
        (root(request_) / MANIFEST).unlink()
    else:
        (root(request_) / MANIFEST).write_bytes(content)
    assert labels(request_) == {}
    assert any(MANIFEST in message for message in problems(request_))
    Folder().request(request_)
    assert files(request_) == ["002_1.png", "003_2.png", "fox/001_1.png", "manifest.csv"]
    assert labels(request_) == {"a/1.png": "fox"}


def test_a_request_that_has_shrunk_keeps_the_names(request_: Request) -> None:
    shutil.move(root(request_) / "001_1.png", root(request_) / "fox")
    rest = replace(request_, items=request_.items[1:])
    Folder().request(rest)
    assert len(files(request_)) == 4
    shutil.move(root(request_) / "003_2.png", root(request_) / "fox")
    assert labels(rest) == {"b/2.png": "fox"}


def test_a_missing_original_is_an_error_with_the_remedy(request_: Request) -> None:
    request_.items[1].path.unlink()
    with pytest.raises(LabelError, match=r"1\.png.*still there"):
        Folder().request(replace(request_, round=2))


def test_classes_that_no_folder_can_be_called(request_: Request) -> None:
    places = {
        "a/b": "a%2Fb",
        "CON": "%43ON",
        "what?": "what%3F",
        "end.": "end%2E",
        ".hidden": "%2Ehidden",
        "nul.x": "%6Eul.x",
        "100%": "100%",
        "größe": "größe",
    }
    for start in (0, 3, 6):
        request = replace(request_, classes=tuple(places), round=2 + start)
        Folder().request(request)
        assert {place.name for place in root(request).iterdir() if place.is_dir()} == {*places.values(), "unsure"}
        chosen = list(places)[start : start + 3]
        for file, name in zip(names(request).values(), chosen, strict=False):
            shutil.move(root(request) / file, root(request) / places[name])
        assert list(labels(request).values()) == chosen
        assert not Folder().collect(request).problems


def test_classes_that_differ_only_in_case_are_refused(request_: Request) -> None:
    with pytest.raises(LabelError, match="label_source=csv"):
        Folder().request(replace(request_, classes=("Fox", "fox")))


def test_new_classes_must_be_known() -> None:
    with pytest.raises(BadParams, match="new_classes"):
        Folder(new_classes="maybe")


def test_a_linked_folder_does_not_go_on_for_ever(request_: Request) -> None:
    try:
        (root(request_) / "fox" / "again").symlink_to(root(request_), target_is_directory=True)
    except OSError:
        pytest.skip("no symbolic links here")
    assert len(list(module._walk(root(request_)))) < 100


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1))
def test_folder_names_suit_every_file_system(name: str) -> None:
    safe = folder_name(name)
    assert not set(safe) & set('<>:"/\\|?*') and not any(ord(letter) < 32 for letter in safe)
    assert not safe.endswith((".", " ")) and not safe.startswith(".")
    assert folder_name(safe) == safe, "what is safe stays as it is"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1))
def test_file_names_suit_every_file_system(name: str) -> None:
    safe = file_name(7, 3, Path("pool") / name)
    assert safe.startswith("007_")
    assert not set(safe) & set('<>:"/\\|?*') and not any(ord(letter) < 32 for letter in safe)
    assert not safe.endswith((".", " ")) and len(safe.encode()) <= 255
