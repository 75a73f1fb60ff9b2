"""Decide which folders of another system stand for the pool's root. There must be no other possibility.

A path of another program ends in an image's id. The part before the id is a *prefix*, which stands for the pool's root.
There may be several prefixes (cards, drives), as long as no two of them claim the same image.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from alframe.formats.path_table import AMBIGUOUS, NOT_FOUND
from alframe.formats.path_text import anchor_of
from alframe.types import Bools, Ints

_DIGITS = re.compile(r"\d+")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|(?<![a-z])(?:spring|summer|autumn|fall|winter|dry|wet|rainy)(?![a-z])")


@dataclass(frozen=True)
class Claims:
    """The claims of paths (k,) to images (k,). Each belongs to a match (k,) of a prefix with a folder of the pool.

    Match number m joins the prefix `match_prefix[m]`, a number of `prefixes`, with the pool's folder `match_folder[m]`,
    and contains `match_size[m]` paths.
    """

    path: Ints
    image: Ints
    match: Ints
    prefixes: Sequence[str]
    match_prefix: Ints
    match_folder: Sequence[str]
    match_size: Ints

    @property
    def prefix(self) -> Ints:
        """(k,) the prefix of each claim."""
        return self.match_prefix[self.match]


def shared_tail(prefix: str, root: str) -> int:
    """Return the number of folders that are equal at the ends of a prefix and the pool's root."""
    count = 0
    for part, root_part in zip(_folder_names(prefix)[::-1], _folder_names(root)[::-1], strict=False):
        if part != root_part:
            break
        count += 1
    return count


def is_sibling(prefix: str, root: str) -> bool:
    """Return whether a prefix is another season or card: only a year, a season or a number in its name differs.

    `survey/2023/images` is not `traps/2024/images`, and `card1` is not `card2`.
    """
    shared = shared_tail(prefix, root)
    ends = [parts[: len(parts) - shared] for parts in (_folder_names(prefix), _folder_names(root))]
    if not all(ends):
        return False
    first, second = (end[-1] for end in ends)
    same_but_year = _YEAR.sub("#", first) == _YEAR.sub("#", second)
    return same_but_year or (shared == 0 and _DIGITS.sub("#", first) == _DIGITS.sub("#", second))


def claim_images(
    rows_of_folder: Mapping[str, Sequence[int]],
    pool_folders: Collection[str],
    find: Callable[[str, Sequence[int]], Ints],
    rank: Callable[[str], int],
) -> Claims:
    """Return the claims of the paths. Each claims the image with the longest id at its end, with the best prefix.

    `rows_of_folder` are the numbers of the paths by their folder. `find(pool_folder, rows)` returns the images of the
    rows if their folder is this folder of the pool, or NOT_FOUND.
    """
    paths, images, matches = [], [], []
    prefixes: dict[str, int] = {}
    match_prefix: list[int] = []
    match_folder: list[str] = []
    match_size: list[int] = []
    for folder, all_rows in rows_of_folder.items():
        parts = folder.split("/")
        tails = (("/".join(parts[start:]), "/".join(parts[:start]) + "/") for start in range(1, len(parts) + 1))
        candidates = [(tail, prefix) for tail, prefix in tails if tail in pool_folders]
        rows = np.asarray(all_rows, np.int64)
        for tail, prefix in sorted(candidates, key=lambda pair: -rank(pair[1])):  # of equal rank the longest id first
            found = find(tail, rows.tolist())
            is_found = found != NOT_FOUND
            if is_found.any():
                paths.append(rows[is_found])
                images.append(found[is_found])
                matches.append(np.full(len(paths[-1]), len(match_folder)))
                match_prefix.append(prefixes.setdefault(prefix, len(prefixes)))
                match_folder.append(tail)
                match_size.append(len(all_rows))
                rows = rows[~is_found]
    path, image, match = (np.concatenate([np.zeros(0, np.int64), *column]) for column in (paths, images, matches))
    prefix_of_match, size_of_match = np.array(match_prefix, np.int64), np.array(match_size, np.int64)
    return Claims(path, image, match, tuple(prefixes), prefix_of_match, match_folder, size_of_match)


class PrefixChoice:
    """The choice of the prefixes that count, when all claims are known.

    `shared` (p,) is the number of folders at the end of the pool's path that each prefix also has. `allowed` (p,) says
    which prefixes are possible, and `folders` is the number of paths of the file in each folder. With
    `of_whole_drives`, a prefix must contain all paths of its drive, unless it has the same end as the pool's path.
    """

    def __init__(
        self, claims: Claims, shared: Ints, allowed: Bools, folders: Mapping[str, int], of_whole_drives: bool = False
    ) -> None:
        self.claims = claims
        self.of_whole_drives = of_whole_drives
        self.is_chosen = allowed.copy()
        self.shared = shared
        self._folders = sorted(f"{folder}/" for folder in folders)
        self._paths_before = [0, *accumulate(folders[folder[:-1]] for folder in self._folders)]

    def choose(self) -> Ints:
        """Return (k,) the image of each claim, NOT_FOUND if its prefix does not count, AMBIGUOUS if others do too."""
        claims, chosen = self.claims, self.is_chosen
        if chosen.any():
            chosen &= self.shared == self.shared[chosen].max()
        chosen &= ~self._matches_by_file_name_only()
        is_ambiguous = self._drop_nested()
        numbers = np.where(chosen[claims.prefix], claims.image, NOT_FOUND)
        numbers[is_ambiguous[claims.prefix] | self._is_contested(numbers)] = AMBIGUOUS
        if self.of_whole_drives:
            of_part = (self.shared == 0) & ~self._holds_its_drive()
            numbers[(numbers >= 0) & of_part[claims.prefix]] = NOT_FOUND
        return numbers

    def _holds_its_drive(self) -> Bools:
        """Return (p,) which prefixes hold all paths of the drive, share or system that they start from."""
        counts: Counter[str] = Counter()
        for row, folder in enumerate(self._folders):
            counts[anchor_of(folder)] += self._paths_before[row + 1] - self._paths_before[row]
        return np.array([self._count_below(prefix) == counts[anchor_of(prefix)] for prefix in self.claims.prefixes])

    def _matches_by_file_name_only(self) -> Bools:
        """Return (p,) which prefixes match only file names, although paths in other folders match no image."""
        claims, total = self.claims, self._paths_before[-1]
        if np.count_nonzero(self.is_chosen[claims.prefix]) == total:
            return np.zeros(len(claims.prefixes), bool)
        has_folder = np.array([folder != "" for folder in claims.match_folder], bool)
        by_folder = np.bincount(claims.match_prefix[has_folder], minlength=len(claims.prefixes)) > 0
        holds_all = np.array([self._count_below(prefix) == total for prefix in claims.prefixes], bool)
        has_names_only: Bools = ~by_folder & (self.shared == 0) & ~holds_all
        return has_names_only

    def _drop_nested(self) -> Bools:
        """Remove each prefix that is a folder inside another prefix. Return (p,) the prefixes that remain ambiguous."""
        names = self.claims.prefixes
        is_ambiguous = np.zeros(len(names), bool)
        outer = -1
        for number in sorted(np.flatnonzero(self.is_chosen).tolist(), key=names.__getitem__):
            if outer < 0 or not names[number].startswith(names[outer]):
                outer = number
            elif self._count_below(names[number]) == self._count_below(names[outer]):
                is_ambiguous[[number, outer]] = True
            else:
                self.is_chosen[number] = False
        return is_ambiguous

    def _is_contested(self, numbers: Ints) -> Bools:
        """Return (k,) which claims compete with claims of another prefix.

        If two prefixes claim the same image, both may be the pool's root, and none of their claims is safe. In a folder
        of the pool, they compete if one of them also has images there that the pool does not have.
        """
        claims, counted = self.claims, numbers >= 0
        pairs = np.unique(np.stack([numbers[counted], claims.prefix[counted]]), axis=1)
        images, times = np.unique(pairs[0], return_counts=True)
        rivals = np.unique(pairs[1][np.isin(pairs[0], images[times > 1])])
        is_contested = counted & np.isin(claims.prefix, rivals)
        found_in_match = np.bincount(claims.match[counted], minlength=len(claims.match_size))
        matches_of_folder: dict[str, list[int]] = {}
        for match in np.flatnonzero(found_in_match).tolist():
            matches_of_folder.setdefault(claims.match_folder[match], []).append(match)
        for matches in matches_of_folder.values():
            several = len(np.unique(claims.match_prefix[matches])) > 1
            if several and (found_in_match[matches] < claims.match_size[matches]).any():
                is_contested |= counted & np.isin(claims.match, matches)
        return is_contested

    def _count_below(self, prefix: str) -> int:
        """Return the number of paths of the file below a prefix, which ends in a slash."""
        start, end = (bisect_left(self._folders, edge) for edge in (prefix, prefix[:-1] + "0"))  # "0" follows "/"
        return self._paths_before[end] - self._paths_before[start]


def _folder_names(folder: str) -> list[str]:
    return [part for part in folder.split("/") if part]
