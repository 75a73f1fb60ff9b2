"""Known images whose files were moved or renamed keep their keys; what is not clear is said, and nothing is guessed."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alframe.data import drive_failures
from alframe.data.decode import ImageFile
from alframe.engine.listing.moved_items import find_items_listed_twice, find_moved_items
from alframe.engine.listing.pool_listing import PoolListing, sync_pool_listing
from alframe.errors import PoolError
from alframe.store.file_cache import FileCache, FileContent, read_stamp
from alframe.store.ledger import Ledger
from alframe.types import Item, Label
from tests.drive_failures import fail_for
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

    def label(self, *keys: int) -> None:
        with self.ledger.transaction():
            self.ledger.add_labels([(key, Label(item=str(key), class_name="fox")) for key in keys], None, "csv")

    def sync(self, root: Path | None = None, holdout: float = 0.0, test_folder: str = "none") -> PoolListing:
        """List the files, and read them as a pass over the pool does."""
        root = root or self.root
        files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
        items = [Item(path.relative_to(root).as_posix(), path, label="fox") for path in files]
        items = [replace(item, split="test") if item.id.startswith(test_folder) else item for item in items]
        listing = sync_pool_listing(
            *(self.ledger, Listed(items), holdout, "image", 0),
            find_moved=lambda gone, new: find_moved_items(gone, new, self.cache, self.requested),
            find_listed_twice=lambda absent, present: find_items_listed_twice(
                absent, present, self.cache, self.requested
            ),
        )
        read = [(item, ImageFile(item.path).content_hash(), read_stamp(str(item.path))) for item in items]
        self.cache.remember([(item, FileContent(content, None, stamp)) for item, content, stamp in read])
        return listing

    def ids(self) -> list[str]:
        return list(self.ledger.items().ids)


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
    assert [former.id for former in project.ledger.former_ids(range(9))] == ["deer/1.jpg", "a.jpg", "b.jpg"]


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


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_copy_whose_original_is_deleted_later_gets_the_label(
    project: Project, caplog: pytest.LogCaptureFixture, is_listed: bool
) -> None:
    project.label(0)
    shutil.copytree(project.root / "deer", project.root / "fox" / "new")
    project.sync(None if is_listed else project.root / "fox")
    assert len(project.ids()) == 6
    assert project.ledger.former_ids(range(9)) == [] or not is_listed
    shutil.rmtree(project.root / "deer")
    listing = project.sync(None if is_listed else project.root / "fox")
    new_name = "fox/new/1.jpg" if is_listed else "new/1.jpg"
    assert project.ids()[0] == listing.items[0].id == new_name
    assert str(listing.items[0].path) == str(project.root / "fox" / "new" / "1.jpg")
    # The one that nobody has labelled needs nothing.
    assert listing.is_present.tolist() == [True, False, True, True, False, True]
    assert project.ids()[1] == "deer/2.jpg"
    assert "1 images were listed twice" in caplog.text
    before = project.ids()
    project.sync(None if is_listed else project.root / "fox")
    assert project.ids() == before


def test_a_second_copy_leaves_the_label_where_it_is(project: Project) -> None:
    project.label(0)
    for name in ("copy 1.jpg", "copy 2.jpg"):
        shutil.copy2(project.root / "deer/1.jpg", project.root / name)
    project.sync()
    (project.root / "deer/1.jpg").unlink()
    project.sync()
    assert project.ids()[0] == "deer/1.jpg"


def test_a_copy_that_tests_the_model_never_trains_it(project: Project) -> None:
    project.label(0)
    shutil.copytree(project.root / "deer", project.root / "test")
    project.sync(test_folder="test")
    before = project.ids()
    (project.root / "deer/1.jpg").unlink()
    listing = project.sync(test_folder="test")
    assert project.ids() == before
    assert [item.id for item in listing.items if item.split == "test"] == ["test/1.jpg", "test/2.jpg"]


def test_an_old_drive_that_fails_leaves_a_copy_where_it_is_until_the_next_call(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.label(0)
    shutil.copy2(project.root / "deer/1.jpg", project.root / "copy.jpg")
    project.sync()
    before = project.ids()
    (project.root / "deer/1.jpg").unlink()
    with monkeypatch.context() as patch:
        fail_for(patch, errno.EIO, ["1.jpg"], ["stat"])
        items = [item for item in project.ledger.items() if item.id == "copy.jpg"]
        gone = {0: project.ledger.items()[0]}
        assert find_items_listed_twice(gone, enumerate(items, 4), project.cache, {}) == {}
    project.sync()
    assert project.ids() == ["copy.jpg", *before[1:4], "deer/1.jpg"]


@pytest.mark.parametrize(("call", "name"), [("open", "new name.jpg"), ("stat", "old name.jpg")])
def test_a_drive_that_fails_makes_no_new_images(
    project: Project, monkeypatch: pytest.MonkeyPatch, call: str, name: str
) -> None:
    project.write("old name.jpg", "a.jpg")
    project.sync()
    project.move("old name.jpg", "new name.jpg")
    project.move("a.jpg", "b.jpg")
    with monkeypatch.context() as patch:
        if call == "open":
            patch.setattr(drive_failures, "TOLERATED_IN_A_ROW", 1)
        fail_for(patch, errno.EIO, [name], [call])
        with pytest.raises(PoolError, match="the drive or the network"):
            project.sync()
    assert len(project.ids()) == 6
    project.sync()
    assert project.ids()[4:] == ["b.jpg", "new name.jpg"]


def test_a_link_that_is_left_behind_is_no_old_file(project: Project) -> None:
    project.move("deer/1.jpg", "deer/first.jpg")
    (project.root / "deer/1.jpg").symlink_to(project.root / "deer/first.jpg")
    project.sync()
    assert project.ids() == ["deer/first.jpg", "deer/2.jpg", "fox/1.jpg", "fox/2.jpg"]


def test_what_people_were_shown_goes_before_what_was_read_later(project: Project) -> None:
    shown = ImageFile(project.root / "deer/1.jpg").content_hash() or b""
    project.requested = {0: shown}
    (project.root / "deer/1.jpg").rename(project.root / "kept.jpg.part")
    project.write("deer/1.jpg", text="a longer picture that was saved under this name later")
    project.move("kept.jpg.part", "../kept.jpg")
    project.sync()
    project.move("deer/1.jpg", "x.jpg")
    project.move("../kept.jpg", "y.jpg")
    project.sync()
    assert project.ids()[0] == "y.jpg"


def test_a_requested_image_that_was_replaced_is_not_known_by_its_path(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    project.requested = {0: ImageFile(project.root / "deer/1.jpg").content_hash() or b""}
    project.write("deer/1.jpg", text="another picture")
    project.sync(project.root.parent)
    assert project.ids()[0] == "deer/1.jpg"
    assert project.ids()[4:] == ["pool/deer/1.jpg"]
    assert "1 images have another content than when they were requested" in caplog.text


def test_one_image_in_common_does_not_make_another_pool_this_one(project: Project) -> None:
    project.write(*(f"more/{number}.jpg" for number in range(20)))
    project.sync()
    project.label(0, *range(4, 15))
    shutil.move(project.root / "deer/1.jpg", project.root.parent / "card.jpg")
    shutil.rmtree(project.root)
    project.write(*(f"another/{number}.jpg" for number in range(20)))
    project.move("../card.jpg", "another/card.jpg")
    with pytest.raises(PoolError, match="None of the 24 images"):
        project.sync()


def test_an_image_that_is_moved_to_the_test_images_is_named(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    project.move("deer/1.jpg", "test/1.jpg")
    listing = project.sync(test_folder="test")
    assert not listing.is_held_out.any()
    assert "1 moved images keep the split (pool or test) that they had" in caplog.text
