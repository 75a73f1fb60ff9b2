"""Pools that are wrong."""

from __future__ import annotations

import json
import os
import random
import zipfile
from datetime import datetime, timedelta

from alframe.errors import PoolError
from alframe.kit.seeding import generator
from alframe.testing.pool import PoolSuite
from alframe.types import Item, ListedFolder
from tests.testing.wrong import wrong


class RightPool:
    def __init__(self, folder):
        self.folder = folder

    def items(self):
        for name in self.names():
            yield Item(name, self.folder / name)

    def names(self):
        if not self.folder.is_dir():
            raise PoolError(f"There is no folder {self.folder}. Correct pool.folder.")
        return sorted(file.name for file in self.folder.iterdir())


class UnsortedPool(RightPool):
    def names(self):
        return [entry.name for entry in os.scandir(self.folder)]


class ListedPool(RightPool):
    def names(self):
        return os.listdir(self.folder)  # noqa: PTH208 - it may use any call


class SetPool(RightPool):
    def names(self):
        return set(super().names())


class SplitByHash(RightPool):
    def items(self):
        for name in self.names():
            yield Item(name, self.folder / name, split="test" if hash(name) % 2 else "pool")


class TimesFromASet(RightPool):
    """Gives each image the time of another one in each process."""

    def items(self):
        for number, name in enumerate({*self.names()}):
            self.times[name] = datetime(2024, 5, 1) + timedelta(hours=number)
        for name in self.names():
            yield Item(name, self.folder / name, taken=self.times[name])

    def __init__(self, folder):
        super().__init__(folder)
        self.times = {}


class DrawsFromASet(RightPool):
    """Draws by the seed, but from a set."""

    def items(self):
        names = self.names()
        test = generator(0, "split").permutation(list({*names}))[:7].tolist()
        for name in names:
            yield Item(name, self.folder / name, split="test" if name in test else "pool")


class ReadsInTheConstructor(RightPool):
    def __init__(self, folder):
        super().__init__(folder)
        file = folder / "0.jpg"
        self.first = file.read_bytes() if file.exists() else b""


class ListsInTheConstructor(RightPool):
    def __init__(self, folder):
        super().__init__(folder)
        self.listed = os.listdir(folder) if folder.exists() else []  # noqa: PTH208 - it may use any call


class PoolSeeds(RightPool):
    def names(self):
        random.seed(1)
        return super().names()


class PoolChangesFolder(RightPool):
    def names(self):
        os.chdir(self.folder)
        return super().names()


class FoldersWithLongPaths(RightPool):
    """Gives paths that a Path writes otherwise."""

    def list_by_folder(self):
        names = self.names()
        yield ListedFolder(names, [f"{self.folder}//{name}" for name in names], None, "pool", None)


class ZipPool:
    """Right as it is: unpacks an archive into a folder of its own."""

    def __init__(self, file):
        self.file = file

    def items(self):
        try:
            self.unpack()
        except (OSError, zipfile.BadZipFile) as error:
            raise PoolError(f"{self.file} cannot be read: {error}. Give the archive again.") from error
        for file in sorted(self.cache().iterdir()):
            yield Item(file.name, file)

    def unpack(self):
        with zipfile.ZipFile(self.file) as archive:
            archive.extractall(self.cache())

    def cache(self):
        return self.file.with_suffix(".unpacked")


class OneCacheForAll(ZipPool):
    def cache(self):
        return self.file.parents[1] / "cache"


class UnpacksOnce(OneCacheForAll):
    """Takes an archive of the same name for the same archive."""

    def unpack(self):
        if not self.cache().exists():
            super().unpack()


class ErrorsOfPython(ZipPool):
    def items(self):
        self.unpack()
        yield from super().items()


class Listed(RightPool):
    """Right as it is: reads the names of the images from a file."""

    def names(self):
        try:
            return json.loads((self.folder / "images.json").read_text("utf-8"))["images"]
        except (OSError, ValueError) as error:
            raise PoolError(f"{self.folder / 'images.json'} cannot be read: {error}. Write it again.") from error


class TakesItForGranted(Listed):
    def names(self):
        return json.loads((self.folder / "images.json").read_text("utf-8"))["images"]


def fill_folder(self, folder):
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.jpg").touch()


def fill_archive(self, folder):
    folder.mkdir()
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for number in range(3):
            archive.writestr(f"{number}.jpg", b"pixels")


def fill_list(self, folder):
    fill_folder(self, folder)
    names = [f"{number}.jpg" for number in range(20)]
    (folder / "images.json").write_text(json.dumps({"images": names}), "utf-8")


def archive(part, caught_by):
    hooks = {"make": lambda self, folder: part(folder / "images.zip"), "fill_folder": fill_archive}
    return wrong(PoolSuite, part, caught_by, **hooks)


def listed(part, caught_by):
    return wrong(PoolSuite, part, caught_by, make=lambda self, folder: part(folder), fill_folder=fill_list)


def pool(part, caught_by):
    return wrong(PoolSuite, part, caught_by, make=lambda self, folder: part(folder), fill_folder=fill_folder)


CASES = [
    pool(UnsortedPool, "test_order_does_not_come_from_the_file_system"),
    pool(ListedPool, "test_order_does_not_come_from_the_file_system"),
    pool(SetPool, "test_order_is_the_same_in_another_process"),
    pool(SplitByHash, "test_order_is_the_same_in_another_process"),
    pool(TimesFromASet, "test_order_is_the_same_in_another_process"),
    pool(DrawsFromASet, "test_order_is_the_same_in_another_process"),
    pool(ReadsInTheConstructor, "test_constructor_touches_no_disk"),
    pool(ListsInTheConstructor, "test_constructor_touches_no_disk"),
    pool(PoolSeeds, "test_lists_images"),
    pool(PoolChangesFolder, "test_lists_images"),
    pool(FoldersWithLongPaths, "test_folders_list_the_items"),
    archive(OneCacheForAll, "test_archives_with_the_same_names_keep_their_images"),
    archive(UnpacksOnce, "test_archives_with_the_same_names_keep_their_images"),
    archive(ErrorsOfPython, "test_what_cannot_be_read_is_a_pool_error"),
    listed(TakesItForGranted, "test_what_cannot_be_read_is_a_pool_error"),
]


class TestRightPool(PoolSuite):
    """A class of its own, which another process can import."""

    caught_by = ()

    def make(self, folder):
        return RightPool(folder)

    fill_folder = fill_folder


RIGHT = [TestRightPool, archive(ZipPool, ""), listed(Listed, "")]
globals().update({case.__name__: case for case in [*CASES, *RIGHT]})
