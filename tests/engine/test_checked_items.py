"""What a pool lists is checked, item by item or folder by folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alframe.engine.listing.checked_items import list_checked_items
from alframe.errors import BadOutput
from alframe.pools.folder import Folder
from alframe.types import Item, ListedFolder


class Folders:
    """A pool that lists what it is given folder by folder, and has no `__dict__`."""

    __slots__ = ("found",)

    def __init__(self, *found: object) -> None:
        self.found = found

    def items(self) -> Iterator[Item]:
        raise AssertionError("it lists by folder")

    def list_by_folder(self) -> Iterator[object]:
        return iter(self.found)


class OnlyFoxes(Folder):
    """A subclass that leaves images out, and knows nothing of folders."""

    def items(self) -> Iterator[Item]:
        return (item for item in super().items() if "fox" in item.id)


def test_a_subclass_lists_its_own_items(tmp_path: Path) -> None:
    for name in ("fox.jpg", "hare.jpg"):
        (tmp_path / name).touch()
    assert list_checked_items(Folder(tmp_path)).ids == ["fox.jpg", "hare.jpg"]
    assert list_checked_items(OnlyFoxes(tmp_path)).ids == ["fox.jpg"]


def test_a_pool_whose_items_were_replaced_lists_those(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fox.jpg").touch()
    pool = Folder(tmp_path)
    monkeypatch.setattr(pool, "items", lambda: iter([Item("hare.jpg", tmp_path / "hare.jpg")]))
    assert list_checked_items(pool).ids == ["hare.jpg"]


def test_paths_of_folders_are_those_of_their_items(tmp_path: Path) -> None:
    listed = list_checked_items(Folders(ListedFolder(["a"], [f"{tmp_path}//b/./a"], None, "pool", None)))
    assert listed.paths == [str(tmp_path / "b" / "a")] == [str(item.path) for item in listed]


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (ListedFolder(["a", "b"], ["/a"], None, "pool", None), "2 ids and 1 paths"),
        (ListedFolder(["a", ""], ["/a", "/b"], None, "pool", None), "the id or path ''"),
        (ListedFolder(["a"], [1], None, "pool", None), "the id or path 1"),  # type: ignore[list-item]
        (ListedFolder(["a", "a"], ["/a", "/b"], None, "pool", None), "the id 'a' twice"),
        (["a.jpg"], "not a ListedFolder"),
    ],
)
def test_what_is_no_folder_is_refused(found: object, fault: str) -> None:
    with pytest.raises(BadOutput, match=fault):
        list_checked_items(Folders(found))  # type: ignore[arg-type]
