"""Every image below a folder, with the class or camera in the folder names if they are there."""

from __future__ import annotations

import functools
import logging
import os
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from alframe.errors import BadParams, PoolError
from alframe.kit.image_paths import absolute_path
from alframe.store.ledger import LEDGER_NAME
from alframe.types import Item

log = logging.getLogger(__name__)

# Made by Timelapse, by an operating system on the top of a drive, or by alframe itself; compared in lower case.
NOT_IMAGES = frozenset(
    [
        *("backups", "deletedfiles", ".vthumb", "@recycle", "csvexportedfiles", "camtrapdpexportedfiles"),
        *("$recycle.bin", "lost+found", "system volume information"),
        "alframe-runs",
    ]
)
# Folders of a project, and of the cache that projects share, that somebody keeps among the images.
_PROJECT = frozenset({"cache", "compare", "export", "features", "models", "to_label"})
_OURS = frozenset({LEDGER_NAME, "contents.sqlite"})
# Pillow recognises these without being able to decode them by itself.
_UNDECODABLE = frozenset({"BUFR", "GRIB", "HDF5", "WMF", "MPEG", "EPS"})
# A byte that is not UTF-8 reaches Python as a lone surrogate, which no database or JSON file can hold.
_NOT_PORTABLE = re.compile("[\\\\\ud800-\udfff]")


@functools.cache
def image_suffixes() -> frozenset[str]:
    """The suffixes, dot first and in lower case, of all image types that can be decoded here."""
    from PIL import Image

    known = Image.registered_extensions()
    pictures = {s.lower() for s, kind in known.items() if kind in Image.OPEN and kind not in _UNDECODABLE}
    return frozenset(pictures | {".npy"})


class Folder:
    """All images below `root`, however deep; a streamed listing that never holds the pool in memory.

    `class_level` and `camera_level` count folders below `root` from 1; an image that lies less deep has no class or
    no camera. With `classes` true the folder at `class_level` is the class. `test_root` is a second tree of the same
    layout whose items are the test split; their ids start with ``test/``, or, where `test_root` lies inside `root`,
    are relative to `root` as everybody's.
    """

    def __init__(
        self,
        root: str | Path,
        classes: bool = False,
        class_level: int = 1,
        camera_level: int | None = None,
        test_root: str | Path | None = None,
    ) -> None:
        for name, level in (("class_level", class_level), ("camera_level", camera_level)):
            if level is not None and level < 1:
                raise BadParams(f"pool.{name} is {level}; folders below root are counted from 1.")
        self.root = Path(root)
        self.test_root = None if test_root is None else Path(test_root)
        self.class_level = class_level if classes else None
        self.camera_level = camera_level

    def items(self) -> Iterator[Item]:
        """Every image once, folder by folder in sorted order; raises PoolError where a root gives no image.

        Skipped: names that start with a dot and NOT_IMAGES. Skipped with a logged warning: a subfolder that cannot be
        read, and a name that has no portable form.
        """
        root = _existing(self.root, "root")
        if self.test_root is None:
            yield from self._tree(root, "", "pool", None)
            return
        test = _existing(self.test_root, "test_root")
        if test.resolve() == root.resolve():
            raise PoolError(f"pool.root and pool.test_root are the same folder, {root}: the test would be no test.")
        inside = test.is_relative_to(root)
        if not inside and (root / "test").exists():
            raise PoolError(
                f"{root} has a folder 'test' of its own, and the ids of pool.test_root start with 'test/' too. "
                f"Rename that folder, or move {test} into {root}."
            )
        yield from self._tree(root, "", "pool", test)
        yield from self._tree(test, f"{test.relative_to(root).as_posix()}/" if inside else "test/", "test", root)

    def _tree(self, root: Path, prefix: str, split: Literal["pool", "test"], other: Path | None) -> Iterator[Item]:
        found = False
        for relative, path in _walk(root, other):
            found = True
            folders = relative.split("/")[:-1]
            yield Item(
                id=prefix + relative,
                path=path,
                label=_at(folders, self.class_level),
                split=split,
                camera=_at(folders, self.camera_level),
            )
        if not found:
            raise PoolError(
                f"There is no image in {root} or below it. Point pool.{'root' if split == 'pool' else 'test_root'} "
                f"at the folder that holds them; files are recognised by suffix, e.g. .jpg, .png, .tif."
            )


def _at(folders: list[str], level: int | None) -> str | None:
    return folders[level - 1] if level is not None and len(folders) >= level else None


def _existing(folder: Path, parameter: str) -> Path:
    folder = absolute_path(folder)
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise PoolError(f"{folder} {what}. Set pool.{parameter} to the folder with the images.")
    return folder


def _walk(root: Path, other: Path | None) -> Iterator[tuple[str, Path]]:
    """(relative POSIX path, path on disk) of every image, each folder's own in sorted order before its subfolders'.

    Linked folders come last, and no folder is visited twice, so links that form a loop end, and an image that can be
    reached both ways is listed under its true place. `other` is left out.
    """
    seen = {other.resolve()} if other else set()
    links = deque([(root, "")])
    while links:
        start, prefix = links.popleft()
        stack = [(start, prefix, start.resolve())]
        while stack:
            folder, prefix, real = stack.pop()
            if real in seen:
                continue
            seen.add(real)
            files, folders, linked = _scan(folder, top=not prefix)
            yield from ((prefix + name, folder / name) for name in files)
            stack += [(folder / name, f"{prefix}{name}/", real / name) for name in reversed(folders)]
            links += [(folder / name, f"{prefix}{name}/") for name in linked]


def _scan(folder: Path, top: bool) -> tuple[list[str], list[str], list[str]]:
    """The sorted names of the images, the folders and the linked folders directly in `folder`."""
    files: list[str] = []
    folders: list[str] = []
    linked: list[str] = []
    suffixes = image_suffixes()
    ours = False
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                ours |= entry.name in _OURS
                if entry.name.startswith(".") or entry.name.lower() in NOT_IMAGES:
                    continue
                if entry.is_dir():
                    kind = linked if entry.is_symlink() else folders
                elif os.path.splitext(entry.name)[1].lower() in suffixes:  # noqa: PTH122 - a million of them
                    kind = files  # also a link to nothing: whoever reads the pixels reports it
                else:
                    continue
                if _NOT_PORTABLE.search(entry.name):
                    log.warning(
                        "Skipped %r in %s: a backslash or undecodable character. Rename it.", entry.name, folder
                    )
                else:
                    kind.append(entry.name)
    except OSError as error:
        if top:
            raise PoolError(f"{folder} cannot be read: {error.strerror}. Check its permissions.") from error
        log.warning("Skipped the folder %s: %s. Check its permissions.", folder, error.strerror)
    if ours:
        folders = [name for name in folders if name not in _PROJECT]
    return sorted(files), sorted(folders), sorted(linked)
