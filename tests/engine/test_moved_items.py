"""Known images whose files were moved or renamed keep their keys; what is not clear is said, and nothing is guessed."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from alframe.data.decode import ImageFile
from alframe.engine.listing.moved_items import find_moved_items
from alframe.engine.listing.pool_listing import PoolListing, sync_pool_listing
from alframe.errors import PoolError
from alframe.store.file_cache import FileCache, FileContent, read_stamp
from alframe.store.ledger import Ledger
from alframe.types import Item
from tests.engine.test_pool_listing import Listed


class Project:
    """A ledger, a cache, and a folder of files that hold their first names."""

    def __init__(self, folder: Path) -> None:
        self.root, self.ledger = folder / "season" / "pool", Ledger.open(folder / "project")
        self.cache = FileCache(folder / "cache" / "contents.sqlite")
        self.requested: dict[int, bytes] = {}

    def write(self, *names: str, text: str | None = None) -> None:
        for name in names:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text or name)

    def move(self, old: str, new: str) -> None:
        (self.root / new).parent.mkdir(parents=True, exist_ok=True)
        (self.root / old).rename(self.root / new)

    def sync(self, root: Path | None = None, holdout: float = 0.0) -> PoolListing:
        """List the files, and read them as a pass over the pool does."""
        root = root or self.root
        files = sorted(path for path in root.rglob("*") if path.is_file())
        items = [Item(path.relative_to(root).as_posix(), path, label="fox") for path in files]
        listing = sync_pool_listing(
            *(self.ledger, Listed(items), holdout, "image", 0),
            find_moved=lambda gone, new: find_moved_items(gone, new, self.cache, self.requested),
        )
        read = [(item, ImageFile(item.path).content_hash(), read_stamp(str(item.path))) for item in items]
        self.cache.remember([(item, FileContent(content, None, stamp)) for item, content, stamp in read])
        return listing

    def ids(self) -> list[str]:
        return list(self.ledger.items().ids())


@pytest.fixture
def project(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Project]:
    caplog.set_level(logging.INFO)
    project = Project(tmp_path)
    project.write("deer/1.jpg", "deer/2.jpg", "fox/1.jpg", "fox/2.jpg")
    project.sync()
    yield project
    project.ledger.close()
    project.cache.close()


def test_a_renamed_folder_and_new_images_at_once(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    project.move("deer", "Station 7")
    project.write("deer/1.jpg", text="another picture, under a known name")
    project.write("Station 7/3.jpg")
    listing = project.sync()
    # The name deer/1.jpg is still listed: whether its file was replaced is for others to say.
    assert project.ids() == [
        "deer/1.jpg",
        "Station 7/2.jpg",
        "fox/1.jpg",
        "fox/2.jpg",
        "Station 7/1.jpg",
        "Station 7/3.jpg",
    ]
    assert listing.is_present.all()
    assert "1 images were moved or renamed: 'deer/2.jpg' is now 'Station 7/2.jpg'" in caplog.text


def test_a_file_that_is_renamed_twice_and_back(project: Project) -> None:
    for old, new in (("deer/1.jpg", "a.jpg"), ("a.jpg", "b.jpg"), ("b.jpg", "deer/1.jpg")):
        project.move(old, new)
        listing = project.sync()
        assert (project.ids()[0], len(listing.items), str(listing.items[0].path)) == (new, 4, str(project.root / new))
    assert [former.id for former in project.ledger.former_ids()] == ["deer/1.jpg", "a.jpg", "b.jpg"]


def test_a_copy_is_a_new_image(project: Project) -> None:
    shutil.copy2(project.root / "deer/1.jpg", project.root / "copy.jpg")
    project.sync()
    assert project.ids()[4:] == ["copy.jpg"]


def test_a_copy_of_an_image_that_is_only_listed_no_more(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    inner = project.root / "fox"
    shutil.copy2(project.root / "deer/1.jpg", inner / "3.jpg")
    listing = project.sync(inner)
    assert project.ids() == ["deer/1.jpg", "deer/2.jpg", "1.jpg", "2.jpg", "3.jpg"]
    assert listing.is_present.tolist() == [False, False, True, True, True]
    assert "2 images were moved or renamed: 'fox/1.jpg' is now '1.jpg'" in caplog.text
    said = "1 images that the pool no longer lists (first: 'deer/1.jpg') have the same content as 1 new images"
    assert said in caplog.text
    assert "their old files still exist" in caplog.text


@pytest.mark.parametrize("same_names", [True, False])
def test_two_files_of_one_content(project: Project, caplog: pytest.LogCaptureFixture, same_names: bool) -> None:
    project.write("night/a.jpg", "night/b.jpg", text="black")
    project.sync()
    project.move("night", "dark")
    if not same_names:
        project.move("dark/a.jpg", "dark/c.jpg")
        project.move("dark/b.jpg", "dark/d.jpg")
    listing = project.sync()
    assert len(listing.items) == (6 if same_names else 8)
    assert ("2 images that the pool no longer lists" in caplog.text) != same_names
    assert ("several files have the same content" in caplog.text) != same_names


def test_another_root_lists_the_same_files(project: Project) -> None:
    project.cache.close()
    project.cache = FileCache(project.root.parents[1] / "another cache" / "contents.sqlite")  # it knows nothing
    project.sync(project.root.parent)
    assert project.ids() == ["pool/deer/1.jpg", "pool/deer/2.jpg", "pool/fox/1.jpg", "pool/fox/2.jpg"]


def test_without_the_cache_the_requested_ones_are_recognised(project: Project) -> None:
    project.requested = {2: ImageFile(project.root / "fox/1.jpg").content_hash() or b""}
    project.cache.close()
    project.cache = FileCache(project.root.parents[1] / "another cache" / "contents.sqlite")
    project.move("fox", "hare")
    project.sync()
    assert project.ids() == ["deer/1.jpg", "deer/2.jpg", "hare/1.jpg", "fox/2.jpg", "hare/2.jpg"]


def test_images_that_were_away_for_a_while_come_back_under_another_name(project: Project, tmp_path: Path) -> None:
    shutil.move(project.root / "deer", tmp_path / "drive")
    assert project.sync().is_present.tolist() == [False, False, True, True]
    shutil.move(tmp_path / "drive", project.root / "drive")
    assert project.sync().is_present.all()
    assert project.ids()[:2] == ["drive/1.jpg", "drive/2.jpg"]


def test_what_is_held_out_stays_so(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write(*(f"deer/{number}.jpg" for number in range(20)))
    before = project.sync(holdout=0.3).is_held_out
    project.move("deer", "moved")
    assert before.any()
    assert project.sync(holdout=0.3).is_held_out.tolist() == before.tolist()


def test_a_moved_image_is_not_read_again(project: Project) -> None:
    project.move("deer", "moved")
    os.utime(project.root / "moved/1.jpg")
    listing = project.sync()
    assert all(project.cache.look_up(listing.items, listing.is_present.tolist()))


def test_other_images_are_refused_as_before(project: Project) -> None:
    shutil.rmtree(project.root)
    project.write("deer/9.jpg")
    with pytest.raises(PoolError, match="None of the 4 images"):
        project.sync()
