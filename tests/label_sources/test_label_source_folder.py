from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from alframe.errors import BadParams, LabelError
from alframe.formats.tables import TableRow, read_table
from alframe.kit.round_folders import MANIFEST, round_folder
from alframe.label_sources.folder import images
from alframe.label_sources.folder.source import Folder
from alframe.store.names import class_folder_name, is_system_file, ranked_file_name
from alframe.testing.label_source import LabelSourceSuite
from alframe.types import UNSURE, Box, Item, Request


def names(request: Request) -> dict[str, str]:
    entries = list(read_table(round_folder(request) / MANIFEST, ("name", "id", "hash")))
    return {row.get("id"): row.get("name") for row in entries if isinstance(row, TableRow)}


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

    def clear_answers(self, request: Request, ids: Collection[str]) -> None:
        """Drag them back, beside the folders."""
        for id in ids:
            (file,) = (file for file in round_folder(request).rglob("*") if file.name == names(request)[id])
            shutil.move(file, round_folder(request))

    def add_second_answers(self, request: Request, answers: Mapping[str, str]) -> None:
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
    items = tuple(
        suite.write_item(tmp_path, name, number) for number, name in enumerate(["a/1.png", "b/1.png", "b/2.png"])
    )
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


def cleared(request: Request) -> list[str]:
    return list(Folder().collect(request).cleared)


def test_a_label_has_the_hash_of_its_image(request_: Request) -> None:
    shutil.move(root(request_) / "001_1.png", root(request_) / "fox")
    (label,) = Folder(annotator="Ann").collect(request_).labels
    assert label.file == str(root(request_) / "fox" / "001_1.png")
    assert label.answer_file_hash == blake2b(request_.items[0].path.read_bytes(), digest_size=16).hexdigest()
    assert (label.annotator, label.labelled_at) == ("Ann", None)


def test_beside_the_folders_is_cleared_but_not_before_the_first_answer(request_: Request) -> None:
    assert cleared(request_) == []
    shutil.move(root(request_) / "001_1.png", root(request_) / "unsure")
    assert labels(request_) == {"a/1.png": UNSURE}
    assert cleared(request_) == ["b/1.png", "b/2.png"]
    shutil.copy(root(request_) / "002_1.png", root(request_) / "deer" / "002_1 - Copy.png")
    assert cleared(request_) == ["b/2.png"], "copying is as good as moving"


def test_what_was_put_back_after_it_was_deleted_takes_nothing_back(request_: Request) -> None:
    shutil.move(root(request_) / "001_1.png", root(request_) / "fox")
    shutil.move(root(request_) / "002_1.png", root(request_) / "fox")
    (root(request_) / "fox" / "001_1.png").unlink()
    assert cleared(request_) == ["b/2.png"]
    Folder().request(request_)
    assert (root(request_) / "001_1.png").exists()
    assert cleared(request_) == ["b/2.png"]
    shutil.rmtree(root(request_))
    Folder().request(request_)
    shutil.move(root(request_) / "002_1.png", root(request_) / "fox")
    assert labels(request_) == {"b/1.png": "fox"}
    assert cleared(request_) == []


def test_a_slip_or_a_folder_too_deep_takes_nothing_back(request_: Request) -> None:
    shutil.move(root(request_) / "001_1.png", root(request_) / "fox")
    for name in ("foxx", "deer/old"):
        (root(request_) / name).mkdir()
    shutil.copy(root(request_) / "002_1.png", root(request_) / "foxx")
    shutil.copy(root(request_) / "003_2.png", root(request_) / "deer" / "old")
    assert cleared(request_) == []
    assert len(problems(request_)) == 2


def test_nothing_is_taken_back_while_the_manifest_cannot_be_read(request_: Request) -> None:
    shutil.move(root(request_) / "001_1.png", root(request_) / "fox")
    with (root(request_) / MANIFEST).open("a", encoding="utf-8") as handle:
        handle.write('"')
    assert labels(request_) == {"a/1.png": "fox"}
    assert cleared(request_) == []


def test_a_manifest_without_sizes_is_understood(request_: Request) -> None:
    lines = [line.split(",") for line in (root(request_) / MANIFEST).read_text("utf-8-sig").splitlines()]
    (root(request_) / MANIFEST).write_text("".join(",".join(line[:3]) + "\n" for line in lines))
    shutil.move(root(request_) / "001_1.png", root(request_) / "fox" / "renamed.png")
    assert labels(request_) == {"a/1.png": "fox"}


def test_names_as_macos_and_windows_change_them(tmp_path: Path) -> None:
    request = Request(1, (LabelSourceSuite().write_item(tmp_path, "größe.png", 1),), ("Füchse",), tmp_path / "labels")
    Folder().request(request)
    (root(request) / "001_größe.png").write_bytes(b"saved again by a viewer, so that only the name tells")
    place = root(request) / normalize("NFD", "Füchse")
    place.mkdir(exist_ok=True)
    shutil.move(root(request) / "001_größe.png", place / normalize("NFD", "001_GRÖßE.PNG"))
    assert labels(request) == {"größe.png": "Füchse"}


def test_one_image_under_the_name_of_another_is_what_it_shows(request_: Request) -> None:
    """A file manager asks before it does this; people say yes. Two photos of one camera hardly ever have one size."""
    with request_.items[1].path.open("ab") as handle:
        handle.write(b"more")
    request = replace(request_, round=2)
    Folder().request(request)
    shutil.move(root(request) / "002_1.png", root(request) / "fox" / "001_1.png")
    (root(request) / "003_2.png").write_bytes(b"the same image, turned by a viewer")
    shutil.move(root(request) / "003_2.png", root(request) / "deer")
    assert labels(request) == {"b/1.png": "fox", "b/2.png": "deer"}


def linked(request: Request, name: str, target: Path) -> None:
    target.mkdir(exist_ok=True)
    try:
        (root(request) / name).rmdir()
        (root(request) / name).symlink_to(target, target_is_directory=True)
    except OSError:
        pytest.skip("no symbolic links here")


def test_class_folders_may_be_links_to_one_place_for_all_rounds(request_: Request, tmp_path: Path) -> None:
    linked(request_, "fox", tmp_path / "foxes")
    later = replace(request_, round=2, items=request_.items[::-1])
    Folder().request(later)
    linked(later, "fox", tmp_path / "foxes")
    Folder().request(later)
    shutil.move(root(request_) / "001_1.png", root(request_) / "fox")
    (tmp_path / "foxes" / "holiday.png").write_bytes(b"x")
    assert labels(request_) == {"a/1.png": "fox"}
    assert problems(request_) == problems(later) == [], "what lies there besides is no concern"
    # The first image of the other round has another name, and the same content as the last of this one.
    assert labels(later) == {"a/1.png": "fox"}
    shutil.move(root(later) / "001_2.png", root(later) / "fox" / "001_1.png")
    assert labels(later) == {"b/2.png": "fox"}, "the name alone says nothing there"
    assert labels(request_) == {"b/2.png": "fox"}


def test_one_of_several_boxes_is_cut_out(tmp_path: Path) -> None:
    file = tmp_path / "pool" / "a.png"
    file.parent.mkdir()
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, 40:] = 255
    Image.fromarray(pixels).save(file)
    boxes = (Box(0.0, 0.0, 0.5, 1.0), Box(0.9, 0.5, 0.1, 0.5), Box(1.0, 1.0, 0.0, 0.0))
    items = tuple(Item(f"a.png#{n}", file, box=box, meta={"box": f"{n} of 3"}) for n, box in enumerate(boxes, start=1))
    request = Request(1, items, ("fox", "deer"), tmp_path / "labels")
    Folder(link=True).request(request)
    Folder(link=True).request(request)
    assert files(request) == ["001_a.jpg", "002_a.jpg", "003_a.jpg", "manifest.csv"]
    sizes = []
    for number, shade in enumerate((0, 255, 255), start=1):
        with Image.open(root(request) / f"00{number}_a.jpg") as image:
            sizes.append(image.size)
            assert abs(int(np.asarray(image.convert("L"))[0, 0]) - shade) < 20
    assert sizes == [(44, 40), (10, 22), (1, 1)], "with a margin, and never nothing"
    shutil.move(root(request) / "001_a.jpg", root(request) / "fox" / "renamed.jpg")
    shutil.move(root(request) / "002_a.jpg", root(request) / "deer")
    assert labels(request) == {"a.png#1": "fox", "a.png#2": "deer"}


def test_two_images_alike_to_the_byte(tmp_path: Path) -> None:
    suite = LabelSourceSuite()
    items = (suite.write_item(tmp_path, "a.png", 1), suite.write_item(tmp_path, "b.png", 1))
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
    assert "holiday.png: is not an image of this round" in message


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
    assert len(list(images._walk_files_noting_links(root(request_)))) < 100


name = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=8)
place = st.sampled_from(["", "fox", "deer", "unsure", "fox/cubs"]) | name.filter(lambda one: one not in (".", ".."))


@settings(deadline=None, max_examples=60)
@given(moves=st.lists(st.tuples(st.integers(0, 3), place, st.none() | name), max_size=8))
@example([(0, "fox", " - Copy.png"), (0, "deer", "x (2).png"), (3, "\x85", None)])
def test_whatever_people_do_with_the_files_no_label_is_lost(moves: list[tuple[int, str, str | None]]) -> None:
    """Copy the images (or, as number 3, a stranger) anywhere, under any name."""
    with TemporaryDirectory() as folder:
        suite = LabelSourceSuite()
        items = tuple(suite.write_item(Path(folder), f"{n}.png", n) for n in range(3))
        request = Request(1, items, ("fox", "deer"), Path(folder) / "labels")
        Folder().request(request)
        shown = [
            *(root(request) / f"00{n + 1}_{n}.png" for n in range(3)),
            suite.write_item(Path(folder), "no.png", 9).path,
        ]
        expected = defaultdict(set)
        for which, where, new in moves:
            target = root(request) / where / (new or shown[which].name)
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                if target.exists() or is_system_file(target.name):
                    continue
                shutil.copy(shown[which], target)
            except OSError:  # no name for a file here
                continue
            if which < 3 and where in ("fox", "deer", "unsure"):
                expected[items[which].id].add(where)
        answers = Folder().collect(request)
        found = defaultdict(set)
        for label in answers.labels:
            found[label.item].add(label.class_name)
        assert all(classes <= found[item] for item, classes in expected.items())
        assert not found.keys() & set(answers.cleared)
        strangers = [file for file in root(request).rglob("*/*") if file.is_file() and not is_system_file(file.name)]
        assert len(answers.labels) <= len(strangers)
        Folder().request(request)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=100), st.sampled_from([b"", b"name,id,hash,size,again\n", b"\xef\xbb\xbfname,id,hash\n"]))
def test_no_manifest_raises_anything(request_: Request, data: bytes, start: bytes) -> None:
    (root(request_) / MANIFEST).write_bytes(start + data)
    assert not Folder().collect(request_).labels


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1))
def test_folder_names_suit_every_file_system(name: str) -> None:
    safe = class_folder_name(name)
    assert not set(safe) & set('<>:"/\\|?*') and not any(ord(letter) < 32 for letter in safe)
    assert not safe.endswith((".", " ")) and not safe.startswith(".")
    assert class_folder_name(safe) == safe, "what is safe stays as it is"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1))
def test_file_names_suit_every_file_system(name: str) -> None:
    safe = ranked_file_name(7, 3, Path("pool") / name)
    assert safe.startswith("007_")
    assert not set(safe) & set('<>:"/\\|?*') and not any(ord(letter) < 32 for letter in safe)
    assert not safe.endswith((".", " ")) and len(safe.encode()) <= 255
