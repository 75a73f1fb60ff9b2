"""Find the files of listed images on the disk, even if a path has another spelling or comes from another system."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from stat import S_ISDIR
from urllib.parse import unquote

from alframe.drives import is_drive_failure, try_again
from alframe.formats.matching import ImageMatcher
from alframe.formats.path_table import AMBIGUOUS
from alframe.formats.path_text import casefold_paths, normalise_paths
from alframe.types import Item

MAX_ASKED_SINGLY = 20  # files of a folder; of more the folder is listed
MAX_FOLDERS_SEARCHED = 1000  # for a name in an error message


@dataclass
class FoundImageFiles:
    """The files of the images that are not at their listed paths, by listed id.

    `found`: the id and path on the disk. `ambiguous`: images that could be several files. `missing`: images without a
    file. `prefixes` replace the root in paths of another system.
    """

    found: dict[str, tuple[str, Path]] = field(default_factory=dict)
    ambiguous: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    prefixes: tuple[str, ...] = ()
    contested: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()


def find_image_files(root: Path, listed: Mapping[str, tuple[str, Path]]) -> FoundImageFiles:
    """Find the images that are not at their paths. `listed` has the listed path and the full path by id.

    An image keeps its id if its file has another case or other accents. If its path comes from another system, its id
    is the end of this path. A file that is listed with its exact path does not belong to another image.
    """
    absent = find_absent({image_id: str(path) for image_id, (_, path) in listed.items()})
    if not absent:
        return FoundImageFiles()
    absent_ids = set(absent)
    # With those that are there, as they tell what the paths start at.
    candidates = [Item(image_id, path) for image_id, (_, path) in listed.items() if image_id not in absent_ids]
    present = {item.id for item in candidates}
    file_ids = _find_ids_by_path_end(root, [listed[image_id][0] for image_id in absent])
    candidates += [Item(file_id, root / file_id) for file_id in file_ids if file_id not in present]
    paths = [listed[image_id][0] for image_id in (*absent, *present)]
    matches = ImageMatcher(candidates).match(paths)
    files = FoundImageFiles(prefixes=matches.prefixes, contested=matches.contested, rejected=matches.rejected)
    own_paths, file_paths = (
        casefold_paths(normalise_paths(ids)) for ids in (absent, [candidate.id for candidate in candidates])
    )
    for image_id, own_path, number in zip(absent, own_paths, matches.numbers.tolist(), strict=False):
        if number >= 0:
            file_id, is_same_path = candidates[number].id, file_paths[number] == own_path
            if not (is_same_path and file_id in present):
                files.found[image_id] = (image_id if is_same_path else file_id, candidates[number].path)
                continue
        (files.ambiguous if number == AMBIGUOUS else files.missing).append(image_id)
    return files


def find_absent(paths: Mapping[str, str]) -> list[str]:
    """Return, in order, the ids of the absolute paths without a file. Folders with many files are listed only once."""
    by_folder: dict[str, list[tuple[str, str, str]]] = {}
    for image_id, path in paths.items():
        folder, name = os.path.split(path)
        by_folder.setdefault(folder, []).append((image_id, name, path))
    absent = set()
    for folder, files in by_folder.items():
        names = set()
        if len(files) > MAX_ASKED_SINGLY:
            names = {entry.name for entry in _list_folder(folder) if not entry.is_dir(follow_symlinks=False)}
        # A system without cases knows more names than those that it lists.
        absent |= {
            image_id for image_id, name, path in files if name not in names and not try_again(partial(_exists, path))
        }
    return [image_id for image_id in paths if image_id in absent]


def describe_path_difference(listed: str, actual: Path) -> str:
    """Return the listed path and its end on the disk, with escapes, because both may look the same."""
    listed_parts, actual_parts = (text.split("/") for text in (listed.strip().replace("\\", "/"), actual.as_posix()))
    return f"{'/'.join(listed_parts)!a} is listed, {'/'.join(actual_parts[-len(listed_parts) :])!a} is there"


def find_name_below(root: Path, name: str) -> str | None:
    """Return the path below `root` of a file of this name in one of its folders, in any case; None if none is found."""
    for folder, _, names in islice(os.walk(root), MAX_FOLDERS_SEARCHED):
        if found := next((each for each in names if each.casefold() == name.casefold()), None):
            return Path(folder, found).relative_to(root).as_posix()
    return None


def _find_ids_by_path_end(root: Path, paths: Sequence[str]) -> list[str]:
    """Return the ids of all files below `root` that may be the end of one of the paths, in any case and accents."""
    normal = casefold_paths(normalise_paths([*paths, *(unquote(path) for path in paths if "%" in path)]))
    names_of_folder: dict[str, set[str]] = {}
    for path in normal:
        folder, _, name = path.rpartition("/")
        names_of_folder.setdefault(folder, set()).add(name)
    tree = _FolderTree(root)
    found: dict[str, None] = {}
    for folder, names in names_of_folder.items():
        parts = folder.split("/") if folder else []
        for start in range(len(parts) + 1):
            for below in tree.folders_at(tuple(parts[start:])):
                there = tree.names(below)
                found.update((f"{below}{actual}", None) for name in names & there.keys() for actual in there[name])
    return [file_id for file_id in found if file_id not in tree.folders]


class _FolderTree:
    """The folders below a root. Each is listed once, when it is first needed. `folders` are the listed folders."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.folders: set[str] = set()
        self._names: dict[str, dict[str, list[str]]] = {}
        self._folders: dict[tuple[str, ...], list[str]] = {(): [""]}

    def names(self, folder: str) -> dict[str, list[str]]:
        """Return the names in a folder below the root ("" or "a/b/") by their caseless form."""
        if folder not in self._names:
            names = self._names[folder] = {}
            entries = _list_folder(os.path.join(self._root, folder))  # noqa: PTH118 - many of them
            actual = [entry.name for entry in entries]
            self.folders.update(folder + entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
            for caseless, name in zip(casefold_paths(normalise_paths(actual)), actual, strict=True):
                names.setdefault(caseless, []).append(name)
        return self._names[folder]

    def folders_at(self, parts: tuple[str, ...]) -> list[str]:
        """Return the folders that fit a caseless path: one, several that differ only in case, or none."""
        if parts not in self._folders:
            parents = self.folders_at(parts[:-1])
            self._folders[parts] = [
                f"{parent}{name}/" for parent in parents for name in self.names(parent).get(parts[-1], ())
            ]
        return self._folders[parts]


def _list_folder(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (OSError, ValueError) as error:  # not there, not a folder, not to be read
        if is_drive_failure(error):  # it is not known what is there
            raise
        return []


def _exists(path: str) -> bool:
    """Return whether the path is an existing file. A name that is impossible on this system does not exist.

    Raises OSError if a drive fails.
    """
    try:
        return not S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116 - a million of them
    except (OSError, ValueError) as error:
        if is_drive_failure(error):
            raise
        return False
