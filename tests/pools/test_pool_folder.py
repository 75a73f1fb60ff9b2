from __future__ import annotations

import errno
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from alframe.errors import BadParams, PoolError
from alframe.pools import folder as folder_pool
from alframe.pools.folder import Folder, image_suffixes
from alframe.testing.pool import PoolSuite
from tests.drive_failures import fail_for

links = pytest.mark.skipif(sys.platform == "win32", reason="making links needs a privilege on Windows")


def touch(root: Path, *names: str) -> Path:
    """Nothing is decoded by a pool, so empty files will do."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def ids(pool: Folder) -> list[str]:
    return [item.id for item in pool.items()]


class TestFolderSuite(PoolSuite):
    def make(self, folder: Path) -> Folder:
        return Folder(folder, classes=True, camera_level=2, test_root=folder / "held out")

    def fill_folder(self, folder: Path) -> None:
        touch(folder, "fox/A/1.jpg", "fox/2.JPEG", "hare (brown)/ü/Bild 1 [x].png", "loose.tif", "held out/fox/A/1.jpg")


def test_awkward_names_any_nesting_and_upper_case(tmp_path: Path) -> None:
    names = [
        "Ä ö/ß é.JPG",
        "[a]{b}/c;d,e.Png",
        "deep/er/and/deeper/x.webp",
        "a=b/100%.TIFF",
        "z.jpeg",
        "日本/カメラ 1.jpg",
    ]
    found = list(Folder(touch(tmp_path, *names)).items())
    assert {item.id for item in found} == set(names)
    assert all(item.path.is_file() and item.label is None and item.split == "pool" for item in found)


def test_skips_hidden_names_timelapse_folders_and_what_is_no_image(tmp_path: Path) -> None:
    touch(
        tmp_path, "a/1.jpg", "a/._1.jpg", ".hidden/1.jpg", "a/notes.txt", "a/film.avi", "a/data.h5", "jpg", "b.jpg.part"
    )
    for folder in ("Backups", "DeletedFiles", ".vthumb", "@Recycle", "CsvExportedFiles", "CamtrapDPExportedFiles"):
        touch(tmp_path, f"{folder}/x.jpg", f"a/{folder}/x.jpg")
    assert ids(Folder(tmp_path)) == ["a/1.jpg"]


def test_a_project_kept_among_the_images_does_not_feed_on_its_own_copies(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "a/export/2.jpg", "alframe-runs/data/digits/0/1.png")
    for project in ("", "season/"):
        touch(tmp_path, f"{project}ledger.sqlite", f"{project}to_label/round-001/1.jpg", f"{project}export/3.jpg")
    assert ids(Folder(tmp_path)) == ["a/1.jpg", "a/export/2.jpg"]


def test_arrays_are_images_but_stored_features_are_not(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.npy", "a/2.tif", "results/cache/contents.sqlite", "results/cache/features/f00/3.npy")
    assert ids(Folder(tmp_path)) == ["a/1.npy", "a/2.tif"]


def test_a_folder_named_like_an_image_is_a_folder(tmp_path: Path) -> None:
    assert ids(Folder(touch(tmp_path, "x.jpg/1.png"))) == ["x.jpg/1.png"]


def test_order_is_sorted_and_does_not_depend_on_the_disk(tmp_path: Path) -> None:
    touch(tmp_path, "b/2.jpg", "b/10.jpg", "a/1.jpg", "c.jpg", "a/b/1.jpg")
    assert ids(Folder(tmp_path)) == ["c.jpg", "a/1.jpg", "a/b/1.jpg", "b/10.jpg", "b/2.jpg"]


def test_class_and_camera_come_from_their_levels(tmp_path: Path) -> None:
    touch(tmp_path, "StationA/ fox/1.jpg", "StationB/2.jpg", "3.jpg")
    pool = Folder(tmp_path, classes=True, class_level=2, camera_level=1)
    found = {item.id: (item.label, item.camera) for item in pool.items()}
    assert found == {
        "StationA/ fox/1.jpg": (" fox", "StationA"),
        "StationB/2.jpg": (None, "StationB"),
        "3.jpg": (None, None),
    }


def test_two_folders_of_one_name_are_two_cameras(tmp_path: Path) -> None:
    touch(tmp_path, "A/cam1/1.jpg", "B/cam1/1.jpg")
    assert [item.camera for item in Folder(tmp_path, camera_level=2).items()] == ["A/cam1", "B/cam1"]
    of_classes = Folder(tmp_path, classes=True, camera_level=2).items()
    assert [item.camera for item in of_classes] == ["cam1", "cam1"], "what an image shows is no place"


def test_an_empty_class_folder_is_no_error(tmp_path: Path) -> None:
    touch(tmp_path, "fox/1.jpg")
    (tmp_path / "hare").mkdir()
    assert ids(Folder(tmp_path, classes=True)) == ["fox/1.jpg"]


def test_test_root_elsewhere_gets_a_prefix(tmp_path: Path) -> None:
    touch(tmp_path, "pool/fox/1.jpg", "held/fox/1.jpg")
    found = list(Folder(tmp_path / "pool", classes=True, test_root=tmp_path / "held").items())
    assert [(item.id, item.label, item.split) for item in found] == [
        ("fox/1.jpg", "fox", "pool"),
        ("test/fox/1.jpg", "fox", "test"),
    ]


def test_test_root_inside_root_is_listed_once(tmp_path: Path) -> None:
    touch(tmp_path, "fox/1.jpg", "test/fox/1.jpg")
    found = list(Folder(tmp_path, classes=True, test_root=tmp_path / "test").items())
    assert [(item.id, item.label, item.split) for item in found] == [
        ("fox/1.jpg", "fox", "pool"),
        ("test/fox/1.jpg", "fox", "test"),
    ]


def test_root_inside_test_root_is_listed_once(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "pool/2.jpg")
    assert ids(Folder(tmp_path / "pool", test_root=tmp_path)) == ["2.jpg", "test/1.jpg"]


def test_ids_that_could_collide_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "pool/test/1.jpg", "held/1.jpg")
    with pytest.raises(PoolError, match="folder 'test' of its own"):
        ids(Folder(tmp_path / "pool", test_root=tmp_path / "held"))


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    touch(tmp_path, "some.jpg")
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    for pool, message in (
        (Folder(tmp_path / "absent"), r"absent does not exist. Set pool.root"),
        (Folder(tmp_path / "some.jpg"), "is a file, not a folder"),
        (Folder(tmp_path / "empty"), "no images in .*empty or below"),
        (Folder(tmp_path, test_root=tmp_path / "absent"), "Set pool.test_root"),
        (Folder(tmp_path, test_root=tmp_path / "empty"), "Point pool.test_root"),
        (Folder(tmp_path, test_root=tmp_path / "empty" / ".."), "the same folder"),
    ):
        with pytest.raises(PoolError, match=message):
            ids(pool)
    with pytest.raises(BadParams, match="class_level=0: must be at least 1"):
        Folder(tmp_path, classes=True, class_level=0)


def test_what_others_see_is_counted_where_it_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    suffixes = image_suffixes() - {".heic", ".heif", ".hif"}  # as without pillow-heif
    monkeypatch.setattr(folder_pool, "image_suffixes", lambda: suffixes)
    touch(tmp_path, "1.jpg", "a/2.HEIC", "a/3.heif", "4.CR2", "b/5.nef", "b/6.DNG", "6.ARW", "7.MP4", "8.avi", "9.mov")
    others = ("Thumbs.db", "._1.jpg", "._8.avi", ".DS_Store", "list.csv", "report.pdf", "1.jpg_original", "1.xmp")
    touch(tmp_path, *others, "Backups/9.mp4")
    with caplog.at_level(logging.WARNING):
        assert ids(Folder(tmp_path)) == ["1.jpg"]
    (record,) = caplog.records
    end = 'raw files, 3 videos, 2 HEIC pictures. To read HEIC: pip install "alframe[heif]".'
    assert record.getMessage() == f"Left out below {tmp_path}: 4 {end}"
    caplog.clear()
    touch(tmp_path / "only films", "1.mp4")
    with pytest.raises(PoolError, match=r"no images in .*There are only 1 video\. Point pool.root"):
        ids(Folder(tmp_path / "only films"))
    assert not caplog.records


def test_nothing_is_counted_where_nothing_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        ids(Folder(touch(tmp_path, "1.jpg", "list.csv", "Thumbs.db")))
    assert not caplog.records


def test_a_file_in_place_of_a_folder_is_told_what_to_do(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "season.ZIP", "TimelapseData.ddb", "list.csv", "set.json")
    for name, message in (
        ("1.jpg", f"Set pool.root to the folder that it lies in: {tmp_path}."),
        ("season.ZIP", "Unpack it, and set pool.root to the folder"),
        ("TimelapseData.ddb", "pool=timelapse pool.file=FILE"),
        ("list.csv", "pool=csv pool.file=FILE"),
        ("set.json", "pool=coco pool.file=FILE"),
    ):
        with pytest.raises(PoolError) as caught:
            ids(Folder(tmp_path / name))
        assert message in str(caught.value)
    assert ids(Folder(tmp_path)) == ["1.jpg"], "the first remedy"


@pytest.mark.skipif(os.name == "nt", reason="there it is a folder of this system")
@pytest.mark.parametrize("root", ["D:\\traps", "d:/traps", "\\\\server\\traps"])
def test_a_folder_of_windows_is_not_looked_for_elsewhere(root: str) -> None:
    with pytest.raises(PoolError, match=r"is a folder of Windows.*Set pool.root to its name here") as caught:
        ids(Folder(root))
    assert str(Path.cwd()) not in str(caught.value)


@links
def test_a_link_to_itself_costs_only_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    touch(tmp_path, "1.jpg", "a/2.jpg")
    for link in (tmp_path / "loop", tmp_path / "a" / "loop.jpg"):
        link.symlink_to(link)
    with caplog.at_level(logging.WARNING):
        assert ids(Folder(tmp_path)) == ["1.jpg", "a/2.jpg"]
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        f"Skipped loop in {tmp_path}",
        f"Skipped loop.jpg in {tmp_path / 'a'}",
    ]


@links
def test_links_are_followed_once_and_loops_end(tmp_path: Path) -> None:
    root, outside = touch(tmp_path / "root", "a/1.jpg"), touch(tmp_path / "outside", "2.jpg")
    (root / "a" / "up").symlink_to(root)
    (root / "0_same").symlink_to(root / "a")
    (root / "other").symlink_to(outside)
    (outside / "self").symlink_to(outside)
    (root / "one.jpg").symlink_to(outside / "2.jpg")
    (root / "gone.jpg").symlink_to(root / "nowhere.jpg")  # reported by whoever reads its pixels
    assert ids(Folder(root)) == ["gone.jpg", "one.jpg", "a/1.jpg", "other/2.jpg"]


def test_a_folder_that_cannot_be_read_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a/1.jpg", "locked/2.jpg")
    scandir = os.scandir

    def guarded(path: Path) -> object:
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)  # file modes bind neither root nor Windows
    with caplog.at_level(logging.WARNING):
        assert ids(Folder(tmp_path)) == ["a/1.jpg"]
    assert "locked: Permission denied" in caplog.text
    with pytest.raises(PoolError, match="Check its permissions"):
        ids(Folder(tmp_path / "locked"))


@pytest.mark.skipif(sys.platform != "linux", reason="only here may a name be any bytes")
def test_names_without_a_portable_form_are_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    touch(tmp_path, "1.jpg", "back\\slash.jpg", os.fsdecode(b"latin\xe9.jpg"))
    with caplog.at_level(logging.WARNING):
        assert ids(Folder(tmp_path)) == ["1.jpg"]
    assert "slash" in caplog.text
    assert "latin" in caplog.text


def test_streams(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "b/2.jpg")
    stream = Folder(tmp_path).items()
    assert next(stream).id == "a/1.jpg"
    touch(tmp_path, "b/3.jpg")  # b is not looked at before it is its turn
    assert [item.id for item in stream] == ["b/2.jpg", "b/3.jpg"]


def test_suffixes_are_those_that_can_be_decoded() -> None:
    assert {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif"} <= image_suffixes()
    assert not {".pdf", ".mpg", ".h5", ".eps"} & image_suffixes()


def test_real_stations_and_species(shared_data: Path) -> None:
    pool = Folder(shared_data / "camtrapr-borneo-exif", classes=True, class_level=2, camera_level=1)
    found = list(pool.items())
    assert len(found) == 68
    assert {item.camera for item in found} == {"StationA", "StationB", "StationC"}
    assert {item.label for item in found} == {"EGY", "MNE", "PBE", "TRA", "VTA", "UNID"}


def test_real_pool_and_test_trees(shared_data: Path) -> None:
    root = shared_data / "missouri-camtrap"
    found = list(Folder(root / "pool", classes=True, test_root=root / "test").items())
    assert Counter(item.split for item in found) == {"pool": 415, "test": 226}
    assert len({item.id for item in found}) == 641


def test_a_folder_that_a_drive_does_not_give_is_no_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    touch(tmp_path, "a/1.jpg", "b/1.jpg", "b/clip.mp4", "c/1.jpg")
    fail_for(monkeypatch, errno.EIO, ["b"], ["scandir"], times=2)
    assert ids(Folder(tmp_path)) == ["a/1.jpg", "b/1.jpg", "c/1.jpg"]
    assert "1 video." in caplog.text
    fail_for(monkeypatch, errno.EIO, ["b"], ["scandir"])
    with pytest.raises(PoolError, match=r"b cannot be listed because the drive or the network failed"):
        ids(Folder(tmp_path))


@links
def test_junctions_of_windows_are_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They lead in a circle, and `is_symlink` does not tell; each image is listed once, under its true path."""
    touch(tmp_path / "pool", "a/1.jpg", "z/2.jpg")
    touch(tmp_path / "elsewhere", "3.jpg")
    junctions = {"a/again": tmp_path / "pool", "a/b": tmp_path / "pool/z", "far": tmp_path / "elsewhere"}
    for name, target in junctions.items():
        (tmp_path / "pool" / name).symlink_to(target)
    names = {name.rpartition("/")[2] for name in junctions}
    monkeypatch.setattr(folder_pool, "is_junction", lambda path: Path(path).name in names)
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: Entries(scan(folder)))
    assert ids(Folder(tmp_path / "pool")) == ["a/1.jpg", "z/2.jpg", "far/3.jpg"]


class Entries:
    """The entries of a folder, of which none says that it is a link."""

    def __init__(self, entries: Iterator[os.DirEntry[str]]) -> None:
        self.entries = entries

    def __enter__(self) -> Iterator[SimpleNamespace]:
        for entry in self.entries:
            yield SimpleNamespace(name=entry.name, path=entry.path, is_dir=entry.is_dir, is_symlink=lambda: False)

    def __exit__(self, *_: object) -> None:
        pass
