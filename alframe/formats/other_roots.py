"""Decide which folders of another system stand for the pool's root: only where nothing else fits.

A path of another program ends in an image's id; what is before that is a *prefix*, which stands for the pool's root.
Several prefixes may stand side by side (cards, drives), as long as no two of them claim one image.
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
    """Which path (k,) claims which image (k,), and through which match (k,) of a folder of the paths with the pool's.

    Match number m is of the prefix `match_prefix[m]`, a number of `prefixes`, with the pool's folder `match_folder[m]`,
    and `match_size[m]` paths lie in it.
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
    """Return how many folders a prefix and the pool's root have in common, counted from their ends."""
    count = 0
    for one, other in zip(_folder_names(prefix)[::-1], _folder_names(root)[::-1], strict=False):
        if one != other:
            break
        count += 1
    return count


def is_sibling(prefix: str, root: str) -> bool:
    """Return whether a prefix is another season or card: it differs in a year or season, or its name in a number.

    `survey/2023/images` is not `traps/2024/images`, and `card1` is not `card2`.
    """
    shared = shared_tail(prefix, root)
    ends = [parts[: len(parts) - shared] for parts in (_folder_names(prefix), _folder_names(root))]
    if not all(ends):
        return False
    one, other = (end[-1] for end in ends)
    same_but_year = _YEAR.sub("#", one) == _YEAR.sub("#", other)
    return same_but_year or (shared == 0 and _DIGITS.sub("#", one) == _DIGITS.sub("#", other))


def claim_images(
    rows_of_folder: Mapping[str, Sequence[int]],
    pool_folders: Collection[str],
    find: Callable[[str, Sequence[int]], Ints],
    rank: Callable[[str], int],
) -> Claims:
    """Return what the paths claim: the image with the longest id that each ends in, after a prefix of highest rank.

    `rows_of_folder` are the numbers of the paths by their folder; `find(pool_folder, rows)` returns the images of the
    rows if their folder is that one of the pool, or NOT_FOUND.
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
    """Which prefixes count, once all claims are known.

    `shared` (p,) says how many folders each prefix shares with the end of the pool's own path, `allowed` (p,) which
    are possible at all, and `folders` how many paths of the file lie in each folder. With `of_whole_drives` a prefix
    must hold all paths of its drive, unless it ends as the pool's own path does.
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
        """Return (p,) which prefixes match by nothing but file names, although paths elsewhere match no image."""
        claims, total = self.claims, self._paths_before[-1]
        if np.count_nonzero(self.is_chosen[claims.prefix]) == total:
            return np.zeros(len(claims.prefixes), bool)
        has_folder = np.array([folder != "" for folder in claims.match_folder], bool)
        by_folder = np.bincount(claims.match_prefix[has_folder], minlength=len(claims.prefixes)) > 0
        holds_all = np.array([self._count_below(prefix) == total for prefix in claims.prefixes], bool)
        has_names_only: Bools = ~by_folder & (self.shared == 0) & ~holds_all
        return has_names_only

    def _drop_nested(self) -> Bools:
        """Drop each prefix inside another one, as a folder of that pool; return (p,) which cannot be told apart."""
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
        """Return (k,) which claims compete with those of another prefix.

        Prefixes that claim one image are rivals for the pool's root: none of their claims is safe. In a folder of the
        pool they compete if one of them also has images there that the pool has not.
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
        """Return how many paths of the file lie below a prefix, which ends in a slash."""
        start, end = (bisect_left(self._folders, edge) for edge in (prefix, prefix[:-1] + "0"))  # "0" follows "/"
        return self._paths_before[end] - self._paths_before[start]


def _folder_names(folder: str) -> list[str]:
    return [part for part in folder.split("/") if part]
