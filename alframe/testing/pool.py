"""The conformance suite of pools."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import fields
from datetime import datetime
from itertools import zip_longest
from operator import ne
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from alframe.contracts import ListsFolders, Pool
from alframe.errors import AlframeError
from alframe.testing.file_use import watching_files
from alframe.testing.part import Suite
from alframe.types import Item, ItemColumns

_SAVE_ITEMS_CODE = """
import pickle, sys
from pathlib import Path
suite, folder, saved = map(Path, sys.argv[1:])
saved.write_bytes(pickle.dumps(list(pickle.loads(suite.read_bytes()).make(folder).items())))
"""


_IMAGES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")


class PoolSuite(Suite):
    """Tests of every pool. Write a subclass with `make`, and with `fill_folder` if the pool reads a folder."""

    def make(self, folder: Path) -> Pool:
        """Return the pool over `folder`, which may not exist yet."""
        raise NotImplementedError

    def fill_folder(self, folder: Path) -> None:
        """Write into `folder` (which does not exist yet) all files that the pool needs to list at least two images."""

    @pytest.fixture
    def pool(self, tmp_path: Path) -> Pool:
        self.fill_folder(tmp_path / "pool")
        return self.make(tmp_path / "pool")

    @pytest.fixture
    def items(self, pool: Pool) -> list[Item]:
        return list(pool.items())

    def test_constructor_touches_no_disk(self, tmp_path: Path) -> None:
        self.make(tmp_path / "absent")
        made = [path.name for path in tmp_path.iterdir()]
        assert not made, f"make() writes {', '.join(made)}: the constructor must only store its parameters"
        self.fill_folder(tmp_path / "pool")
        with watching_files(tmp_path) as use:
            self.make(tmp_path / "pool")
        names = sorted({path.name for path in use.opened})
        assert not names, f"make() opens {', '.join(names)}: the constructor must only store its parameters"

    def test_lists_images(self, items: list[Item]) -> None:
        assert len(items) >= 2, f"fill_folder() must prepare at least two images, and items() yields {len(items)}"
        others = [item for item in items if not isinstance(item, Item)]
        assert not others, f"items() must yield objects of alframe.types.Item, and yields {others[0]!r}"

    def test_ids_are_unique(self, items: list[Item]) -> None:
        ids = [item.id for item in items]
        assert len(set(ids)) == len(ids), f"ids come twice: {sorted({id for id in ids if ids.count(id) > 1})}"

    def test_ids_are_relative_posix_paths(self, items: list[Item]) -> None:
        for item in items:
            path = PurePosixPath(item.id)
            assert "\\" not in item.id, f"{item.id!r} has a backslash"
            assert not path.is_absolute() and ":" not in path.parts[0], f"{item.id!r} is absolute"
            assert str(path) == item.id and ".." not in path.parts, f"{item.id!r} is not in its shortest form"
            is_text = item.id.encode("utf-8", "replace").decode() == item.id
            assert is_text, f"{item.id!r} has a half of a character, and cannot be written as UTF-8"

    def test_folders_list_the_items(self, pool: Pool, items: list[Item]) -> None:
        if isinstance(pool, ListsFolders):
            listed = list(ItemColumns.of_folders(pool.list_by_folder()))
            assert listed == items, "list_by_folder() must give the images that items() yields, in the same order"
            paths = [path for folder in pool.list_by_folder() for path in folder.paths]
            others = [path for path in paths if path != str(Path(path))]
            assert not others, f"list_by_folder() must give paths as str(Path(path)) does, and gives {others[0]!r}"

    def test_paths_exist(self, items: list[Item]) -> None:
        for item in items:
            assert item.path.is_absolute() and item.path.is_file(), f"{item.path} must be absolute and a file"

    def test_what_cannot_be_read_is_a_pool_error(self, tmp_path: Path) -> None:
        """The folder, or each file in it that is no image, is missing, empty or cut off."""
        for state in ("missing", "empty", "cut off"):
            folder = tmp_path / f"pool {state}"
            if state != "missing":
                self.fill_folder(folder)
            for file in sorted(folder.rglob("*")):
                if file.is_file() and file.suffix.lower() not in _IMAGES:
                    content = file.read_bytes()
                    file.write_bytes(content[: len(content) // 2] if state == "cut off" else b"")
            try:
                list(self.make(folder).items())
            except AlframeError:
                continue
            except Exception as error:
                raise AssertionError(
                    f"the folder or its files are {state}, and items() raises {error!r}: raise "
                    f"alframe.errors.PoolError, which names the file and says what to do"
                ) from error

    def test_archives_with_the_same_names_keep_their_images(self, tmp_path: Path) -> None:
        """Two pools may be used in one process, and keep what they unpack in one place."""
        pools = [self.make(tmp_path / name) for name in ("first", "second")]
        for name in ("first", "second"):
            self.fill_folder(tmp_path / name)
        changed = [_change_images(file) for file in (tmp_path / "second").rglob("*") if zipfile.is_zipfile(file)]
        if not any(changed):
            pytest.skip("the pool reads no ZIP file with images")
        listed = [list(pool.items()) for pool in pools]
        first, second = ([item.path.read_bytes() for item in items] for items in listed)
        assert all(map(ne, first, second)), (
            "two archives hold other images with the same names, and one pool gives images of the other: unpack each "
            "archive into a folder of its own"
        )

    def test_items_are_the_same_again(self, pool: Pool, tmp_path: Path) -> None:
        # Side by side, so that a pool with one shared iterator is caught.
        pairs = zip_longest(pool.items(), pool.items())
        assert all(first == second for first, second in pairs), "two calls of items() list other images"
        assert list(self.make(tmp_path / "pool").items()) == list(pool.items()), "a second pool lists other images"

    def test_order_does_not_come_from_the_file_system(self, tmp_path: Path, items: list[Item]) -> None:
        """Another disk lists a folder in another order."""
        scandir, listdir = os.scandir, os.listdir

        class ReversedScandir(AbstractContextManager["ReversedScandir"]):
            def __init__(self, *path: Any) -> None:
                with scandir(*path) as entries:
                    self.entries = iter(list(entries)[::-1])

            def __iter__(self) -> Iterator[os.DirEntry[str]]:
                return self.entries

            def __next__(self) -> os.DirEntry[str]:
                return next(self.entries)

            def __exit__(self, *_: object) -> None:
                self.close()

            def close(self) -> None:
                pass

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "scandir", ReversedScandir)
            patch.setattr(os, "listdir", lambda *path: listdir(*path)[::-1])
            backwards = [item.id for item in self.make(tmp_path / "pool").items()]
        assert backwards == [item.id for item in items], "sort what a folder holds"

    def test_order_is_the_same_in_another_process(self, tmp_path: Path, items: list[Item]) -> None:
        """The order of a set of texts, and the hash of a text, are others in each process."""
        try:
            suite = pickle.dumps(self)
        except (pickle.PicklingError, AttributeError, TypeError):
            pytest.skip("this class cannot be imported by another process: define it at the top of a module")
        (tmp_path / "suite").write_bytes(suite)
        processes = [self._start_process(tmp_path, hash_seed) for hash_seed in ("1", "2")]
        for hash_seed, process in zip(("1", "2"), processes, strict=True):
            error = process.communicate()[1].decode(errors="replace")
            assert process.returncode == 0, f"items() fails in another process:\n{error}"
            self._assert_equal(items, pickle.loads((tmp_path / f"items {hash_seed}").read_bytes()))

    def _start_process(self, folder: Path, hash_seed: str) -> subprocess.Popen[bytes]:
        """Start a process that saves the items of the pool; its hash() gives other numbers than this one's."""
        path = os.pathsep.join(filter(None, sys.path))
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path}
        files = (folder / "suite", folder / "pool", folder / f"items {hash_seed}")
        words = [sys.executable, "-c", _SAVE_ITEMS_CODE, *map(str, files)]
        return subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def _assert_equal(self, items: list[Item], others: list[Item]) -> None:
        remedy = "Take nothing from hash() or from the order of a set, and draw by alframe.kit.seeding.generator"
        ids, other_ids = [item.id for item in items], [item.id for item in others]
        assert ids == other_ids, f"another process lists them as {other_ids[:3]}, this one as {ids[:3]}. {remedy}"
        for one, other in zip(items, others, strict=True):
            names = [field.name for field in fields(Item) if getattr(one, field.name) != getattr(other, field.name)]
            values = [f"{name} {getattr(one, name)!r} and {getattr(other, name)!r}" for name in names]
            assert not values, f"{one.id} has, in two processes, {'; '.join(values)}. {remedy}"

    def test_fields_are_valid(self, items: list[Item]) -> None:
        for item in items:
            assert item.split in ("pool", "test"), f"{item.id}: split {item.split!r}"
            for text in (item.label, item.camera, item.sequence):
                assert text is None or (isinstance(text, str) and text), f"{item.id}: {text!r} must be text or None"
            assert item.taken is None or (isinstance(item.taken, datetime) and item.taken.tzinfo is None), (
                f"{item.id}: times are local to the camera, without a zone"
            )

    def test_boxes_are_inside_the_image(self, items: list[Item]) -> None:
        for box in (item.box for item in items if item.box is not None):
            is_inside = 0 <= box.x < 1 and 0 <= box.y < 1 and box.x + box.w <= 1 + 1e-6 and box.y + box.h <= 1 + 1e-6
            assert is_inside and box.w > 0 and box.h > 0, (
                f"{box} must be inside the image: shares of its width and height, from 0 to 1, and no pixels"
            )


def _change_images(archive: Path) -> bool:
    """Add a byte to each image in a ZIP file; return whether there is any."""
    with zipfile.ZipFile(archive) as old:
        contents = {name: old.read(name) for name in old.namelist()}
    is_image = {name: name.lower().endswith(_IMAGES) for name in contents}
    with zipfile.ZipFile(archive, "w") as new:
        for name, content in contents.items():
            new.writestr(name, content + b"\0" * is_image[name])
    return any(is_image.values())
