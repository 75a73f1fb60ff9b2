"""Files that another program has open: what may be waited for is, and the rest is as it was."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from alframe.store import files, pool_features
from alframe.store.features import FeatureStore
from alframe.store.files import clean_up_after_killed_writers, link_or_copy, remove_file, replace_atomically, write_json
from alframe.store.pool_features import gather_pool_features
from tests.windows import SharingRules, sharing_rules

__all__ = ["sharing_rules"]


def write(target: Path, text: str, is_folder: bool) -> None:
    with replace_atomically(target) as temporary:
        if is_folder:
            temporary.mkdir()
        (temporary / "inside" if is_folder else temporary).write_text(text)


def read(target: Path, is_folder: bool) -> str:
    return (target / "inside" if is_folder else target).read_text()


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_file_that_is_held_for_a_moment_is_replaced(
    tmp_path: Path, sharing_rules: SharingRules, is_folder: bool
) -> None:
    write(tmp_path / "x", "old", is_folder)
    sharing_rules.hold("x", times=3)
    write(tmp_path / "x", "new", is_folder)
    assert read(tmp_path / "x", is_folder) == "new"
    assert sharing_rules.refused == ["x"] * 3
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("is_folder", [False, True])
def test_one_that_stays_open_is_as_it_was(
    tmp_path: Path, sharing_rules: SharingRules, monkeypatch: pytest.MonkeyPatch, is_folder: bool
) -> None:
    monkeypatch.setattr(files, "HELD_PAUSES", (0.01, 0.01))
    write(tmp_path / "x", "old", is_folder)
    with (tmp_path / "x" / "inside" if is_folder else tmp_path / "x").open(), pytest.raises(PermissionError):
        write(tmp_path / "x", "new", is_folder)
    assert len(sharing_rules.refused) > 1, "it was tried again"
    assert read(tmp_path / "x", is_folder) == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    write(tmp_path / "x", "new", is_folder)
    assert read(tmp_path / "x", is_folder) == "new"


def test_a_file_that_is_held_for_a_moment_is_removed(tmp_path: Path, sharing_rules: SharingRules) -> None:
    (tmp_path / "x").touch()
    sharing_rules.hold("x", times=2)
    remove_file(tmp_path / "x")
    remove_file(tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_may_not_be_written_to_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sharing_rules: SharingRules
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    (tmp_path / "x").touch()
    sharing_rules.hold("x")
    with pytest.raises(PermissionError):
        remove_file(tmp_path / "x")
    assert sharing_rules.refused == ["x"]


def test_one_file_that_is_held_keeps_no_other_from_being_cleared(tmp_path: Path, sharing_rules: SharingRules) -> None:
    names = [f".{letter}.12345678.tmp" for letter in "abc"]
    for held in names:
        for name in names:
            (tmp_path / name).touch()
        with (tmp_path / held).open():
            clean_up_after_killed_writers(tmp_path)
            assert [path.name for path in tmp_path.iterdir()] == [held]


def fill_mapped_store(folder: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> tuple[FeatureStore, list[bytes]]:
    """Return a store of `count` contents and their hashes; features (0, 1), (2, 3) ... that are mapped from disk."""
    monkeypatch.setattr(pool_features, "MAPPED_BYTES", 0)
    store, hashes = FeatureStore(folder), [number.to_bytes(16, "big") for number in range(count)]
    store.add(hashes, np.arange(2 * count, dtype=np.float32).reshape(count, 2))
    return store, hashes


def test_a_mapped_file_of_embeddings_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sharing_rules: SharingRules
) -> None:
    """A run of an older pool has it mapped; the next one that comes removes it."""
    store, hashes = fill_mapped_store(tmp_path, monkeypatch, 40)
    older = gather_pool_features(store, hashes)
    (file,) = (tmp_path / "pools").glob("*.f32")
    newer = gather_pool_features(store, [hashes[39], *hashes[1:39]])  # an image has gone, another has its place
    np.testing.assert_array_equal(older[0], [0, 1])
    np.testing.assert_array_equal(newer[0], [78, 79])
    assert file.exists() and sharing_rules.refused
    del older
    gather_pool_features(store, [hashes[39], *hashes[1:38], hashes[0]])
    assert not file.exists()
    assert not file.with_suffix(".keys").exists() and not file.with_suffix(".sums").exists()


def test_a_damaged_file_of_embeddings_that_is_mapped_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sharing_rules: SharingRules
) -> None:
    store, hashes = fill_mapped_store(tmp_path, monkeypatch, 9)
    held = gather_pool_features(store, hashes)
    (file,) = (tmp_path / "pools").glob("*.f32")
    with file.open("r+b") as handle:
        handle.write(b"\xff\xff")
    right = gather_pool_features(store, hashes)
    np.testing.assert_array_equal(right, np.arange(18).reshape(9, 2))
    assert held[0, 0] != 0
    assert len(list((tmp_path / "pools").glob("*.f32"))) == 2


def test_a_read_only_image_is_not_linked_on_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sharing_rules: SharingRules
) -> None:
    """Linked, it could not be removed under its second name."""
    from alframe.kit.round_images import place_image

    source = tmp_path / "a.jpg"
    source.write_bytes(b"12345")
    source.chmod(0o444)
    monkeypatch.setattr(files, "WINDOWS", True)
    monkeypatch.setattr(os, "access", lambda path, mode: bool(path.stat().st_mode & 0o200))
    assert place_image(source, tmp_path / "b" / "a.jpg", link=True) == 5
    assert link_or_copy(source, tmp_path / "c.jpg", symlinks=False) == 5
    for copy in (tmp_path / "b" / "a.jpg", tmp_path / "c.jpg"):
        copy.unlink()
    source.chmod(0o644)
    assert place_image(source, tmp_path / "b" / "a.jpg", link=True) == 0
    write_json(tmp_path / "d.json", {})
