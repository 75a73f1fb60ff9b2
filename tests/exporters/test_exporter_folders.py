from __future__ import annotations

import csv
import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.errors import BadParams, StoreError
from alframe.exporters.folders import Folders, _file_names, _folder_names
from alframe.store.files import link_or_copy
from alframe.testing.exporter import ExporterSuite, FakeModel, write_tiny_predictions
from alframe.types import UNSURE, Item, Label, Predictions


class TestFolders(ExporterSuite):
    def make(self) -> Folders:
        return Folders()

    def predictions(self, folder: Path, count: int = 7, seed: int = 0) -> Predictions:
        there = write_tiny_predictions(folder, count, seed)
        return Predictions(there.items, there.probs, there.classes, [None] * count)

    def read_predictions(self, folder: Path) -> Mapping[str, str]:
        found = {}
        for row in listed(folder):
            file = folder / "folders" / row["folder"] / row["name"]
            assert file.read_text("utf-8") == row["path"]  # the suite's images hold their ids
            found[row["path"]] = row["folder"]
        return found


def listed(folder: Path) -> list[dict[str, str]]:
    with (folder / "folders" / "images.csv").open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def predictions(
    folder: Path,
    ids: Sequence[str],
    probs: Sequence[float],
    labels: Sequence[str | None] | None = None,
    **meta: Mapping[str, str],
) -> Predictions:
    """Images of `fox` with the probability `probs`, else of `boar`."""
    items = []
    for name in ids:
        file = folder / "pool" / name.partition("#")[0]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name.partition("#")[0], encoding="utf-8")
        items.append(Item(name, file, meta={"box": "1 of 2"} if "#" in name else {}))
    said = [name and Label(item.id, name) for item, name in zip(items, labels or [None] * len(ids), strict=True)]
    return Predictions(items, np.array([(p, 1 - p) for p in probs], np.float32), ("fox", "boar"), said)


def export(given_: Predictions, folder: Path, **params: object) -> dict[tuple[str, str], str]:
    Folders(**params).export(given_, FakeModel(), folder)
    rows = listed(folder)
    there = {file.relative_to(folder / "folders").as_posix() for file in (folder / "folders").glob("*/*")}
    assert there == {f"{row['folder']}/{row['name']}" for row in rows}
    return {(row["path"], row["folder"]): row["by"] for row in rows}


def test_peoples_word_before_the_models_and_the_unsure_apart(tmp_path: Path) -> None:
    given_ = predictions(
        tmp_path, ["a.jpg", "b.jpg", "c.jpg", "d.jpg"], [0.9, 0.9, 0.6, 0.6], [None, "boar", UNSURE, "lynx"]
    )
    assert export(given_, tmp_path, min_confidence=0.8) == {
        ("a.jpg", "fox"): "prediction",
        ("b.jpg", "boar"): "label",
        ("c.jpg", "unsure"): "prediction",
        ("d.jpg", "lynx"): "label",
    }
    assert export(given_, tmp_path, predictions=False) == {("b.jpg", "boar"): "label", ("d.jpg", "lynx"): "label"}
    with pytest.raises(BadParams, match="between 0 and 1"):
        Folders(min_confidence=80)


def test_an_image_of_two_animals_is_once_in_each_of_their_folders(tmp_path: Path) -> None:
    ids = ["s/a.jpg#1", "s/a.jpg#2", "s/a.jpg#3"]
    given_ = predictions(tmp_path, ids, [0.9, 0.1, 0.9], [None, None, "fox"])
    assert export(given_, tmp_path) == {("s/a.jpg", "fox"): "label", ("s/a.jpg", "boar"): "prediction"}


def test_a_hash_in_a_name_is_no_box(tmp_path: Path) -> None:
    (tmp_path / "x#1.jpg").write_text("")
    item = Item("x#1.jpg", tmp_path / "x#1.jpg")
    given_ = Predictions([item], np.ones((1, 1), np.float32), ("fox",), [None])
    assert export(given_, tmp_path) == {("x#1.jpg", "fox"): "prediction"}


def test_links_where_they_can_be_else_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_ = predictions(tmp_path, ["a.jpg"], [1])
    original, name = given_.items[0].path, tmp_path / "folders" / "fox" / "a.jpg"
    os.utime(original, (1e9, 1e9))

    def deny(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "another disk")

    export(given_, tmp_path)
    assert name.samefile(original)
    assert not name.is_symlink()
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", deny)
        export(given_, tmp_path)
        assert name.is_symlink()
        assert name.samefile(original)
        patch.setattr(os, "symlink", deny)
        export(given_, tmp_path)
    assert not name.samefile(original)
    assert name.stat().st_mtime == 1e9
    export(given_, tmp_path, copy=True)
    name.write_text("rotated")
    assert original.read_text() == "a.jpg"


def test_an_image_that_is_itself_a_link_is_followed(tmp_path: Path) -> None:
    given_ = predictions(tmp_path, ["a.jpg"], [1])
    (tmp_path / "pool" / "b.jpg").symlink_to("a.jpg")
    item = Item("b.jpg", tmp_path / "pool" / "b.jpg")
    export(Predictions([item], given_.probs, given_.classes, [None]), tmp_path)
    assert (tmp_path / "folders" / "fox" / "b.jpg").read_text() == "a.jpg"


def test_read_only_originals(tmp_path: Path) -> None:
    given_ = predictions(tmp_path, ["a.jpg"], [1])
    given_.items[0].path.chmod(0o444)
    for _ in range(2):
        export(given_, tmp_path)
    assert given_.items[0].path.stat().st_mode & 0o777 == 0o444


def test_a_missing_image_is_said_and_costs_only_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    given_ = predictions(tmp_path, ["a.jpg", "b.jpg"], [1, 1])
    given_.items[0].path.unlink()
    assert export(given_, tmp_path) == {("b.jpg", "fox"): "prediction"}
    assert "1 of 2 images" in caplog.text
    assert "a.jpg" in caplog.text


def test_a_full_disk_leaves_the_earlier_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_ = predictions(tmp_path, ["a.jpg", "b.jpg"], [1, 1])
    export(given_, tmp_path)
    calls = []

    def full(*arguments: object) -> int:
        calls.append(arguments)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return 0

    monkeypatch.setattr("alframe.exporters.folders.link_or_copy", full)
    with pytest.raises(StoreError, match=r"No space left.*is unchanged"):
        Folders().export(given_, FakeModel(), tmp_path)
    assert len(listed(tmp_path)) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folders", "pool"]


def test_too_small_a_disk_is_noticed_after_the_first_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_ = predictions(tmp_path, ["a.jpg", "b.jpg", "c.jpg"], [1, 1, 1])
    placed: list[Path] = []

    def counted(source: Path, target: Path, copy: bool) -> int:
        placed.append(source)
        return link_or_copy(source, target, copy)

    monkeypatch.setattr("alframe.exporters.folders.link_or_copy", counted)
    monkeypatch.setattr("alframe.store.files.shutil.disk_usage", lambda folder: SimpleNamespace(free=9))
    with pytest.raises(StoreError, match=r"0 MB are needed and 0 MB are free.*make room"):
        Folders(copy=True).export(given_, FakeModel(), tmp_path)
    assert len(placed) == 1
    Folders().export(given_, FakeModel(), tmp_path)  # links take no room
    assert len(placed) == 4


def test_images_of_one_name_in_several_folders(tmp_path: Path) -> None:
    ids = ["a/b_c.jpg", "a_b/c.jpg", "A/B/C.JPG", "a/d.jpg"]
    export(predictions(tmp_path, ids, [1] * 4), tmp_path)
    names = {row["path"]: row["name"] for row in listed(tmp_path)}
    assert names["a/d.jpg"] == "a_d.jpg"
    assert len({name.casefold() for name in names.values()}) == 4
    once = dict(names)
    export(predictions(tmp_path, list(reversed(ids)), [1] * 4), tmp_path)
    assert {row["path"]: row["name"] for row in listed(tmp_path)} == once  # whatever the order


paths = st.lists(st.text(min_size=1).filter(lambda text: text not in (".", "..")), min_size=1, max_size=3).map("/".join)


@given(st.lists(paths, unique=True, max_size=8), st.lists(st.text(min_size=1, max_size=40), unique=True, max_size=8))
def test_names_that_every_system_takes(ids: list[str], classes: list[str]) -> None:
    images = [(name, image) for name in classes[:2] for image in ids]
    names = _file_names(images)
    folders = _folder_names(classes)
    for name in [*names, *folders.values()]:
        assert PureWindowsPath(name).parts == (name,)
        assert not PureWindowsPath(name).is_reserved()
        assert not set(name) & set('<>:"/\\|?*')
        assert not name.endswith((".", " "))
        assert name.isprintable() or min(map(ord, name)) >= 32
    assert all(len(name) <= 70 for name in names)
    assert len({(where, name.casefold()) for (where, _), name in zip(images, names, strict=True)}) == len(images)
    assert len({name.casefold() for name in folders.values()}) == len(classes)
