"""Read every image below a folder, with the class or camera from the folder names."""

from __future__ import annotations

import functools
import logging
import os
import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alframe.errors import PoolError
from alframe.formats.timelapse.folders import TIMELAPSE_FOLDERS
from alframe.kit.files import is_drive_failure, is_junction, try_again
from alframe.kit.image_paths import absolute_path
from alframe.kit.listed_images import camera_at_level, folder_at_level
from alframe.kit.parameters import require_at_least
from alframe.store.ledger import LEDGER_NAME
from alframe.types import Item, ListedFolder

log = logging.getLogger(__name__)

# Made by Timelapse, by an operating system on the top of a drive, or by alframe itself; compared in lower case.
# "@eadir" has the thumbnails of a Synology drive, "__macosx" what a ZIP of macOS has beside the files.
SKIPPED_FOLDERS = TIMELAPSE_FOLDERS | {
    "$recycle.bin", "#recycle", "found.000", "lost+found", "system volume information", "@eadir", "__macosx",
    "alframe-runs",
}  # fmt: skip
# A project, or the cache that projects share, may lie among the images: its folders, and files that give it away.
_PROJECT_FOLDERS = frozenset({"cache", "compare", "export", "features", "models", "to_label"})
_PROJECT_FILES = frozenset({LEDGER_NAME, "contents.sqlite"})
# Pillow recognises these without being able to decode them by itself.
_UNDECODABLE = frozenset({"BUFR", "GRIB", "HDF5", "WMF", "MPEG", "EPS"})
_HEIC = ".heic .heif .heics .heifs .hif"
_RAW = (
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .raw .rw2 .rwl .sr2 "
    ".srf .srw .x3f"
)
_VIDEO = ".3gp .asf .avi .dav .divx .flv .h264 .h265 .m2ts .m4v .mkv .mov .mp4 .mpe .mpeg .mpg .mts .ts .webm .wmv"
# What people may take for images of the pool: it is counted, by what one file and several are called.
_LEFT_OUT_KINDS = {
    **dict.fromkeys(_HEIC.split(), ("HEIC picture", "HEIC pictures")),
    **dict.fromkeys(_RAW.split(), ("raw file", "raw files")),
    **dict.fromkeys(_VIDEO.split(), ("video", "videos")),
}
_WINDOWS_PATH = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_ListedFolder = tuple[str, Path, list[str]]  # its path relative to the root as "a/b/", on the disk, and its images
# A byte that is not UTF-8 reaches Python as a lone surrogate, which no database or JSON file can hold.
_NOT_PORTABLE = re.compile("[\\\\\ud800-\udfff]")


@functools.cache
def image_suffixes() -> frozenset[str]:
    """Return the suffixes of all image types that can be decoded, in lower case and with the dot.

    HEIC is one of them if pillow-heif is installed.
    """
    from PIL import Image

    from alframe.kit.libraries import register_heic

    register_heic()
    formats = Image.registered_extensions()
    decodable = {s.lower() for s, name in formats.items() if name in Image.OPEN and name not in _UNDECODABLE}
    return frozenset(decodable | {".npy"})


@dataclass
class Folder:
    """List all images in a folder and its subfolders. This needs little memory, because they are listed one by one.

    The name of a camera is the path from `root` to the folder of the camera, because two sites can each have a `cam1`.
    If a class folder is on this path, it is left out of the name. If an image lies above the level of the classes or of
    the cameras, it has no class or no camera.

    If `test_root` is outside `root`, the ids of its images start with ``test/``. If it is inside `root`, they are
    relative to `root`, like all other ids.
    """

    root: str | Path
    classes: bool = False
    class_level: int = 1
    camera_level: int | None = None
    test_root: str | Path | None = None

    def __post_init__(self) -> None:
        require_at_least("pool 'folder'", 1, class_level=self.class_level, camera_level=self.camera_level)

    def items(self) -> Iterator[Item]:
        """Yield every image once, folder by folder in sorted order. Raises PoolError if a root has no image."""
        for folder in self.list_by_folder():
            for id_, path in zip(folder.ids, folder.paths, strict=True):
                yield Item(id_, Path(path), folder.label, folder.split, folder.camera)

    def list_by_folder(self) -> Iterator[ListedFolder]:
        """See the ListsFolders contract.

        Names that start with a dot and SKIPPED_FOLDERS are skipped. A subfolder that cannot be read, a link to itself
        and a name that other systems cannot have are skipped with a warning. One line counts the raw files, the videos
        and the HEIC pictures that are left out.
        """
        root = _require_folder(self.root, "root")
        if self.test_root is None:
            yield from self._folders_below(root, "", "pool", None)
            return
        test_root = _require_folder(self.test_root, "test_root")
        if test_root.resolve() == root.resolve():
            raise PoolError(f"pool.root and pool.test_root are the same folder, {root}. Set pool.test_root to another.")
        is_inside = test_root.is_relative_to(root)
        if not is_inside and (root / "test").exists():
            raise PoolError(
                f"{root} has a folder 'test' of its own, and the ids of pool.test_root start with 'test/' too. "
                f"Rename that folder, or move {test_root} into {root}."
            )
        yield from self._folders_below(root, "", "pool", test_root)
        prefix = f"{test_root.relative_to(root).as_posix()}/" if is_inside else "test/"
        yield from self._folders_below(test_root, prefix, "test", root)

    def _folders_below(
        self, root: Path, id_prefix: str, split: Literal["pool", "test"], excluded: Path | None
    ) -> Iterator[ListedFolder]:
        has_images, left_out = False, Counter[str]()
        for relative, folder, names in _with_drive_failures_explained(root, _walk_folders(root, excluded, left_out)):
            has_images |= bool(names)
            folders = relative.split("/")[:-1]
            label = folder_at_level(folders, self.class_level) if self.classes else None
            camera = camera_at_level(folders, self.camera_level, self.class_level if self.classes else None)
            first, path = id_prefix + relative, os.path.join(folder, "")  # noqa: PTH118 - a Path has no slash at its end
            yield ListedFolder([first + name for name in names], [path + name for name in names], label, split, camera)
        if has_images and left_out:
            log.warning("Left out below %s: %s", root, _describe_left_out(left_out))
        if not has_images:
            others = f" There are only {_describe_left_out(left_out)}" if left_out else ""
            raise PoolError(
                f"There are no images in {root} or below it.{others} Point pool."
                f"{'root' if split == 'pool' else 'test_root'} at the folder that holds them. Files are recognised by "
                "their suffix, e.g. .jpg, .png, .tif."
            )


def _with_drive_failures_explained(root: Path, folders: Iterator[_ListedFolder]) -> Iterator[_ListedFolder]:
    """Yield the folders below `root`. Raise PoolError if a drive still fails after the last try."""
    try:
        yield from folders
    except OSError as error:
        raise PoolError(
            f"{error.filename or root} cannot be listed because the drive or the network failed: "
            f"{error.strerror or error}. Connect it again and run the same command."
        ) from error


def _require_folder(path: str | Path, parameter: str) -> Path:
    folder = absolute_path(path)
    if folder.is_dir():
        return folder
    if folder.is_file():
        remedy = _FILE_REMEDIES.get(folder.suffix.lower(), "Set pool.{0} to the folder that it lies in: {1}.")
        raise PoolError(f"{folder} is a file, not a folder. {remedy.format(parameter, folder.parent)}")
    if os.name != "nt" and _WINDOWS_PATH.match(str(path)):
        raise PoolError(
            f"{path} is a folder of Windows, not of this system. Set pool.{parameter} to its name here; "
            "under WSL, D:\\traps is /mnt/d/traps."
        )
    raise PoolError(
        f"{folder} does not exist. Set pool.{parameter} to the folder with the images. If they were moved, name the "
        f"project too, so that it keeps its labels: project=FOLDER pool.{parameter}=NEW_FOLDER."
    )


_UNPACK = "Unpack it, and set pool.{0} to the folder that it was unpacked into."
# {0} is the parameter, {1} the folder of the file.
_FILE_REMEDIES = {
    **dict.fromkeys((".zip", ".7z", ".rar", ".tar", ".gz", ".tgz"), _UNPACK),
    ".ddb": "It is a data file of Timelapse: for its images and labels, pool=timelapse pool.file=FILE.",
    ".csv": "For the images that a table lists, pool=csv pool.file=FILE.",
    ".json": "For the images that a COCO file lists, pool=coco pool.file=FILE.",
}


def _describe_left_out(left_out: Counter[str]) -> str:
    """Return a sentence with the number of left-out files of each kind, and the way to read them, if any."""
    kinds: Counter[tuple[str, str]] = Counter()
    for suffix, count in left_out.items():
        kinds[_LEFT_OUT_KINDS[suffix]] += count
    counts = ", ".join(f"{count:,} {singular if count == 1 else plural}" for (singular, plural), count in kinds.items())
    hint = ' To read HEIC: pip install "alframe[heif]".' if any(suffix in _HEIC.split() for suffix in left_out) else ""
    return f"{counts}.{hint}"


def _walk_folders(root: Path, excluded: Path | None, left_out: Counter[str]) -> Iterator[_ListedFolder]:
    """Yield the images of every folder, sorted, before those of its subfolders.

    Linked folders come last, and no folder is visited twice. So loops of links end, and an image that can be reached in
    two ways is listed under its true path. The folder `excluded` is left out. `left_out` counts the files that cannot
    be read, by suffix.
    """
    visited = {excluded.resolve()} if excluded else set()
    links = deque([(root, "")])
    while links:
        start, prefix = links.popleft()
        stack = [(start, prefix, start.resolve())]
        while stack:
            folder, prefix, real = stack.pop()
            if real in visited:
                continue
            visited.add(real)
            files, folders, linked = try_again(
                functools.partial(_list_images_and_folders, folder, not prefix, left_out)
            )
            yield prefix, folder, files
            stack += [(folder / name, f"{prefix}{name}/", real / name) for name in reversed(folders)]
            links += [(folder / name, f"{prefix}{name}/") for name in linked]


def _list_images_and_folders(
    folder: Path, is_root: bool, left_out: Counter[str]
) -> tuple[list[str], list[str], list[str]]:
    """Return the sorted names of the images, the folders and the linked folders directly in `folder`."""
    files: list[str] = []
    folders: list[str] = []
    linked: list[str] = []
    others: list[str] = []
    suffixes = image_suffixes()
    is_project = False
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                is_project |= name in _PROJECT_FILES
                if name.startswith(".") or (lower := name.lower()) in SKIPPED_FOLDERS:
                    continue
                suffix = lower[lower.rfind(".") :] if "." in lower else ""
                try:
                    is_folder = entry.is_dir()
                except OSError as error:  # a link to itself
                    if is_drive_failure(error):
                        raise
                    log.warning("Skipped %s in %s: %s. Remove it.", name, folder, error.strerror)
                    continue
                if is_folder:
                    names = linked if entry.is_symlink() or is_junction(entry.path) else folders
                elif suffix in suffixes:
                    names = files  # also a link to nothing: whoever reads the pixels reports it
                else:
                    if suffix in _LEFT_OUT_KINDS:
                        others.append(suffix)
                    continue
                if _NOT_PORTABLE.search(name):
                    reason = "it has a backslash or an undecodable character. Rename it."
                    log.warning("Skipped %r in %s: %s", name, folder, reason)
                else:
                    names.append(name)
    except OSError as error:
        if is_drive_failure(error):  # whatever is below would be missing
            raise
        if is_root:
            raise PoolError(f"{folder} cannot be read: {error.strerror}. Check its permissions.") from error
        log.warning("Skipped the folder %s: %s. Check its permissions.", folder, error.strerror)
    left_out.update(others)
    if is_project:
        folders = [name for name in folders if name not in _PROJECT_FOLDERS]
    return sorted(files), sorted(folders), sorted(linked)
