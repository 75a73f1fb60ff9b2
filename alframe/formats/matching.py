"""Find the image of a path that another program wrote, perhaps on another system.

The same rule holds for every file. The path is an id, or the path of the image on this computer. Otherwise it ends in
an id, and its beginning stands for the pool's root, if only one beginning is possible (`other_roots`).
"""

from __future__ import annotations

import filecmp
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from alframe.formats.other_roots import Claims, PrefixChoice, claim_images, is_sibling, shared_tail
from alframe.formats.path_table import AMBIGUOUS, NOT_FOUND, PathTable, look_up_numbers, merge_agreeing
from alframe.formats.path_text import anchor_of, casefold_paths, is_absolute, normalise_path, normalise_paths
from alframe.formats.tables import TableRow
from alframe.types import Bools, Ints, Item, ItemId, Problem, pool_root

FILES_COMPARED_PER_PREFIX = 3  # of each prefix, to tell a copy of the pool from another season


@dataclass(frozen=True)
class PathMatches:
    """(n,) the number of the item of each path, NOT_FOUND or AMBIGUOUS.

    `prefixes` stand for the pool's root. Prefixes in `contested` may stand for it, but others too. Prefixes in
    `rejected` do not, because they are another season or another folder of this system.
    """

    numbers: Ints
    prefixes: tuple[str, ...] = ()
    contested: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()


class ImageMatcher:
    """Find images by the paths in files.

    Call it with a path: it returns the id of the image of this pool, or None. The path may have other slashes, accents,
    spaces, percent-encoding or case than the id, if only one image fits. An exact match has priority.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = list(items)
        self._ids = [item.id for item in self._items]

    def __call__(self, cell: str) -> ItemId | None:
        """Return the id of the item that `cell` names here, by its id or its whole path, or None."""
        number = self._numbers_by_id.get(cell, NOT_FOUND)
        # Most paths of a long table were not requested, as their file names tell.
        if number < 0 and self.is_known_name(path := normalise_path(cell)):
            number = int(self._find_local([path])[0])
        return self._ids[number] if number >= 0 else None

    def ids_of_numbers(self, numbers: Ints) -> list[ItemId | None]:
        """Return the ids of the items at these positions. For a number below 0, the id is None."""
        return [self._ids[number] if number >= 0 else None for number in numbers.tolist()]

    def is_known_name(self, path: str) -> bool:
        """Return whether a normalised path has the file name of an image."""
        return path.casefold().rpartition("/")[2] in self._file_names

    def is_known_path(self, cell: str) -> bool:
        """Return whether a path, or the end of a path, is the path of one of the images."""
        return self(cell) is not None or (self.match_foreign([normalise_path(cell)]).numbers != NOT_FOUND).any()

    def find_first_match(self, paths: Sequence[str]) -> tuple[int, ItemId] | None:
        """Return the position of the first path that ends with the id of an image in a folder, and this id; or None."""
        known = [(row, path) for row, cell in enumerate(paths) if self.is_known_name(path := normalise_path(cell))]
        numbers = self.match_foreign([path for _, path in known]).numbers
        for (row, _), item_id in zip(known, self.ids_of_numbers(numbers), strict=True):
            if item_id is not None and "/" in item_id:
                return row, item_id
        return None

    def match(self, paths: Sequence[str], folder: Path | None = None) -> PathMatches:
        """Return the image of each path of a file. A path is absolute, or relative to the pool's root or `folder`."""
        numbers = look_up_numbers(self._numbers_by_id, paths)
        root = pool_root(self._items)
        in_folder = folder is not None and folder != root
        if folder is not None and root is not None and folder in root.parents and not (numbers >= 0).any():
            # The usual case: a file beside the pool's folder, whose paths begin with that folder's name.
            start = f"{root.relative_to(folder).as_posix()}/"
            numbers = look_up_numbers(
                self._numbers_by_id, [path[len(start) :] if path.startswith(start) else "" for path in paths]
            )
            rows = np.flatnonzero(numbers < 0)
        else:
            rows = np.arange(len(paths)) if in_folder else np.flatnonzero(numbers < 0)
        if not len(rows):
            return PathMatches(numbers)
        found_anchors = {""} if len(rows) < len(paths) else set()
        normal = normalise_paths([paths[row] for row in rows.tolist()])
        here = np.where(numbers[rows] < 0, self._find_local(normal), numbers[rows])
        if folder is not None and in_folder:
            here = merge_agreeing(here, self._numbers_relative_to(normal, folder))
        if encoded := [row for row in np.flatnonzero(here == NOT_FOUND).tolist() if "%" in normal[row]]:
            decoded = normalise_paths([unquote(normal[row]) for row in encoded])
            here[encoded] = self._find_local(decoded)
            if folder is not None and in_folder:
                here[encoded] = merge_agreeing(here[encoded], self._numbers_relative_to(decoded, folder))
            for row, path in zip(encoded, decoded, strict=True):
                normal[row] = path
        numbers[rows] = here
        left = np.flatnonzero(here == NOT_FOUND)
        if not len(left):
            return PathMatches(numbers)
        found_anchors |= {anchor_of(normal[row]).casefold() for row in np.flatnonzero(here >= 0).tolist()}
        found = np.unique(numbers[numbers >= 0])
        foreign = self.match_foreign([normal[row] for row in left.tolist()], folder, found_anchors, found)
        numbers[rows[left]] = foreign.numbers
        return replace(foreign, numbers=numbers)

    def match_foreign(
        self,
        paths: Sequence[str],
        folder: Path | None = None,
        found_anchors: Collection[str] = (),
        found: Ints | None = None,
        other_folders: Mapping[str, int] | None = None,
    ) -> PathMatches:
        """Find images for paths that name no image of this pool, by replacing a common prefix with the pool's root.

        Example: for a pool in `/data/survey`, `D:/survey/site 1/a.jpg` is the image `site 1/a.jpg`. The paths are
        normalised. Some prefixes are used only if their last folder is the last folder of the pool's path (`survey`):

        - a prefix that leads to an image in `found`, the numbers of images to which other paths of the file belong;
        - a prefix that begins with one of `found_anchors`, the drives or roots of those other paths;
        - if `other_folders` is given, a prefix with which not all paths of its drive begin. `other_folders` has
          the number of the other paths of the table in each folder. The folders are in lower case.
        """
        caseless = casefold_paths(paths)
        rows_of_folder: dict[str, list[int]] = {}
        for row, path in enumerate(caseless):
            rows_of_folder.setdefault(path.rpartition("/")[0], []).append(row)
        shared: dict[str, int] = {}

        def rank(prefix: str) -> int:
            if prefix not in shared:
                shared[prefix] = max((shared_tail(prefix, root) for root in self._roots), default=0)
            return shared[prefix]

        def find(pool_folder: str, rows: Sequence[int]) -> Ints:
            depth = pool_folder.count("/") + 2 if pool_folder else 1
            start = f"{pool_folder}/" if pool_folder else ""
            keys = [start + caseless[row].rpartition("/")[2] for row in rows]
            return self._id_table.find(keys, lambda position: "/".join(paths[rows[position]].split("/")[-depth:]))

        elsewhere = {name: rows for name, rows in rows_of_folder.items() if not f"{name}/".startswith(self._roots)}
        claims = claim_images(elsewhere, self._id_folders, find, rank)
        if not claims.prefixes:
            return PathMatches(np.full(len(paths), NOT_FOUND))
        folders = Counter({name: len(rows) for name, rows in rows_of_folder.items()})
        folders.update(other_folders or {})
        claims_found = np.bincount(claims.prefix, np.isin(claims.image, [] if found is None else found)) > 0
        shared_folders = np.array([rank(prefix) for prefix in claims.prefixes])
        is_rejected = self._is_rejected_prefix(claims, paths, folder)
        needs_own_end = np.array([anchor_of(prefix) in found_anchors for prefix in claims.prefixes]) | claims_found
        is_allowed = ~is_rejected & ((shared_folders > 0) | ~needs_own_end)
        choice = PrefixChoice(claims, shared_folders, is_allowed, folders, of_whole_drives=other_folders is not None)
        images = choice.choose()
        numbers = np.full(len(paths), NOT_FOUND)
        numbers[claims.path] = images
        names = list(claims.prefixes)
        for number, prefix in enumerate(names):
            written = paths[claims.path[claims.prefix == number][0]][: len(prefix)]
            names[number] = written if written.casefold() == prefix else prefix
        by_outcome = (claims.prefix[images >= 0], claims.prefix[images == AMBIGUOUS], np.flatnonzero(is_rejected))
        return PathMatches(numbers, *(tuple(names[number] for number in np.unique(some)) for some in by_outcome))

    def _is_rejected_prefix(self, claims: Claims, paths: Sequence[str], folder: Path | None) -> Bools:
        """Return (p,) whether each prefix is another season or card, or a folder of this system with other images."""
        is_other = [
            bool(self._roots) and all(is_sibling(prefix, root) for root in self._roots) for prefix in claims.prefixes
        ]
        for number in np.flatnonzero(~np.array(is_other)).tolist():
            rows = np.flatnonzero(claims.prefix == number)[:FILES_COMPARED_PER_PREFIX].tolist()
            is_other[number] = any(
                _is_another_file(Path(folder or "", paths[claims.path[row]]), self._items[claims.image[row]].path)
                for row in rows
                if claims.image[row] >= 0 and (folder is not None or Path(paths[claims.path[row]]).is_absolute())
            )
        return np.array(is_other, bool)

    def _find_local(self, normal: Sequence[str]) -> Ints:
        """Return the numbers of the items with these normalised ids, or at these absolute places."""
        caseless = casefold_paths(normal)
        numbers = self._id_table.find(caseless, normal.__getitem__)
        left = [row for row in np.flatnonzero(numbers == NOT_FOUND).tolist() if is_absolute(normal[row])]
        if left:
            keys = [caseless[row] for row in left]
            numbers[left] = self._path_table.find(keys, lambda position: normal[left[position]])
        return numbers

    def _numbers_relative_to(self, normal: Sequence[str], folder: Path) -> Ints:
        """Return the numbers of the items at these places relative to a folder."""
        paths_here = normalise_paths([f"{folder.as_posix()}/{path}" for path in normal])
        numbers = self._path_table.find(casefold_paths(paths_here), paths_here.__getitem__)
        numbers[np.fromiter(map(is_absolute, normal), bool, len(normal))] = NOT_FOUND
        return numbers

    @cached_property
    def _numbers_by_id(self) -> dict[str, int]:
        return dict(zip(self._ids, range(len(self._ids)), strict=True))

    @cached_property
    def _id_table(self) -> PathTable:
        return PathTable(normalise_paths(self._ids))

    @cached_property
    def _path_table(self) -> PathTable:
        return PathTable(normalise_paths([str(item.path) for item in self._items]))

    @cached_property
    def _id_folders(self) -> set[str]:
        return {path.rpartition("/")[0] for path in self._id_table.caseless}

    @cached_property
    def _file_names(self) -> set[str]:
        return {path.rpartition("/")[2] for table in (self._id_table, self._path_table) for path in table.caseless}

    @cached_property
    def _roots(self) -> tuple[str, ...]:
        """The folders to which ids are relative, in lower case and with a slash at the end."""
        images = casefold_paths(normalise_paths([item.image_id for item in self._items]))
        pairs = zip(self._path_table.keys, images, strict=True)
        return tuple({path[: -len(image)] for path, image in pairs if path.endswith(f"/{image}")})


def match_rows(
    file: str, rows: Iterable[TableRow | Problem], column: str, match: ImageMatcher
) -> Iterator[tuple[TableRow, ItemId | None] | Problem]:
    """Yield each row with the id of the image in its `column`, or with None if this image was not requested.

    A relative path starts at the pool's root. Rows with absolute paths of another system come last. If such a path fits
    several images, it is a Problem.
    """
    other_folders: Counter[str] = Counter()
    foreign_rows: list[TableRow] = []
    paths: list[str] = []
    for row in rows:
        if isinstance(row, Problem):
            yield row
            continue
        path = row.get(column)
        item_id = match(path)
        if item_id is None and "%" in path:
            path = unquote(normalise_path(path))
            item_id = match(path)
        if item_id is None and is_absolute(path := normalise_path(path)):
            if match.is_known_name(path):
                foreign_rows.append(row)
                paths.append(path)
                continue
            other_folders[path.casefold().rpartition("/")[0]] += 1
        yield row, item_id
    foreign = match.match_foreign(paths, other_folders=other_folders)
    # Where one folder is the pool's, rows of others are of other images; where none is, they may have been meant.
    rejected = () if foreign.prefixes else foreign.rejected
    item_ids = match.ids_of_numbers(foreign.numbers)
    for row, path, item_id, number in zip(foreign_rows, paths, item_ids, foreign.numbers.tolist(), strict=True):
        if number == AMBIGUOUS:
            message = "could be several images, because the paths of this file match in more than one way"
        elif path.startswith(rejected) and rejected:
            message = "ends like an image of the pool, but its folder looks like another season or card"
        else:
            yield row, item_id
            continue
        remedy = "Write paths relative to the folder of the images."
        yield Problem(file, row.line, f"{row.get(column)!r} {message}. {remedy}")


def _is_another_file(file: Path, image: Path) -> bool:
    """Return whether the path is an existing file of this system that is neither the image nor a copy of it."""
    try:
        return not filecmp.cmp(file, image, shallow=False)
    except (OSError, ValueError):  # one of them does not exist
        return False
