"""What the pools that read other programs' lists share: the choice among several labels, and what was left out."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from alframe.errors import BadParams, PoolError
from alframe.pools._paths import exists, locate
from alframe.types import Box, Item

log = logging.getLogger(__name__)

SEVERAL = ("skip", "first")


def check_several(several: str) -> str:
    """Give it back, or raise BadParams."""
    if several not in SEVERAL:
        raise BadParams(f"pool.several is '{several}'; it can be {' or '.join(SEVERAL)}.")
    return several


def largest(boxes: Iterable[Box | None]) -> Box | None:
    """The largest box there is."""
    return max((box for box in boxes if box is not None), key=lambda box: box.w * box.h, default=None)


@dataclass
class Listing:
    """The images of `file` as they are listed: each once, some of them on the disk, and the rest accounted for."""

    file: Path
    root: Path
    several: str = "skip"
    available: str = ""  # where the images are to be had, as a sentence
    left_out: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    _places: dict[str, str] = field(default_factory=dict)
    _first: Path | None = None
    _found: bool = False

    def locate(self, path: str, place: str) -> tuple[str, Path]:
        """The id and the path of an image at `place` in the file. Raises PoolError, also for one that is repeated."""
        identity, full = locate(path, self.root, f"{self.file}, {place}")
        if identity in self._places:
            raise PoolError(
                f"{self.file}, {place}: {path} is there already, in {self._places[identity]}. Keep one of them."
            )
        self._places[identity] = place
        self._first = self._first or full
        self._found = self._found or exists(full)  # looks at the disk only until one is there
        return identity, full

    def label(self, names: Iterable[str]) -> tuple[bool, str | None]:
        """Whether to take the image, and its class: the only one of `names`, the first of several, or none."""
        distinct = list(dict.fromkeys(names))
        if len(distinct) > 1 and self.several == "skip":
            self.left_out["have several classes (pool.several=first takes the first)"] += 1
            return False, None
        return True, distinct[0] if distinct else None

    def finish(self, items: Iterable[Item]) -> Iterator[Item]:
        """Pass the items on, then log what was left out. Raises PoolError if none is left, or none is on the disk."""
        yield from items
        for counter, what in ((self.left_out, "left out, since they"), (self.notes, "that")):
            for why, count in counter.items():
                log.warning("%s: %d images %s %s.", self.file, count, what, why)
        if self._first is None:
            why = "; ".join(f"{count} {why}" for why, count in self.left_out.items())
            raise PoolError(f"{self.file} lists no image that can be used{f': {why}' if why else ''}.")
        if not self._found:
            raise PoolError(
                f"None of the {len(self._places)} images that {self.file} lists exists. The first was looked for at "
                f"{self._first}.{self.available} Set pool.root (now {self.root}) to the folder that the paths are "
                f"relative to."
            )
