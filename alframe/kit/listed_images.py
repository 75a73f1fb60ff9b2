"""Checks for pools that read a file which lists images: ids, duplicates, several labels, and what was left out."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alframe.errors import PoolError
from alframe.kit.image_paths import locate_image
from alframe.types import Box, Item

SEVERAL_RULES = ("skip", "first")

log = logging.getLogger(__name__)


def folder_at_level(folders: list[str], level: int | None) -> str | None:
    """Return the folder name at `level`, counted from 1; None without a level or for an image that lies less deep."""
    return folders[level - 1] if level is not None and len(folders) >= level else None


@dataclass
class ListedImages:
    """The images that `file` lists below the folder `root`: checks each path and counts what is left out.

    `several` says what to do with an image of several classes ("skip" or "first"). `hint` is a sentence on where the
    images can be downloaded. `left_out` counts the images left out by reason, `notes` other facts to be logged.
    """

    file: Path
    root: Path
    several: str = "skip"
    hint: str = ""
    left_out: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    _positions: dict[str, str] = field(default_factory=dict)  # image id -> where in the file it is listed
    _first_path: Path | None = None
    _any_exists: bool = False

    def item(self, path: str, position: str, labels: Iterable[tuple[str, Box | None]], **fields: Any) -> Item | None:
        """Return the image at `path` as an Item with these fields; None if it is left out for its several classes.

        `labels` are pairs (class, box). The label is the only class, the first of several, or None; the box is the
        largest of that class. `position` says where the file lists it, e.g. "row 3". Raises PoolError for a path that
        cannot be used or is listed twice.
        """
        labels = list(labels)
        class_names = list(dict.fromkeys(name for name, _ in labels))
        if len(class_names) > 1 and self.several == "skip":
            self.left_out["have several classes (pool.several=first takes the first)"] += 1
            return None
        label = class_names[0] if class_names else None
        boxes = [box for name, box in labels if name == label and box is not None]
        box = max(boxes, key=lambda box: box.w * box.h, default=None)
        image_id, full_path = locate_image(path, self.root, f"{self.file}, {position}")
        if image_id in self._positions:
            earlier = self._positions[image_id]
            raise PoolError(f"{self.file}, {position}: {path} is listed already, in {earlier}. Keep one of them.")
        self._positions[image_id] = position
        self._first_path = self._first_path or full_path
        # Looks at the disk only until one is there. os.path takes names that this system cannot have for absent files.
        self._any_exists = self._any_exists or os.path.exists(full_path)  # noqa: PTH110
        return Item(image_id, full_path, label, box=box, **fields)

    def finish(self, items: Iterable[Item | None]) -> Iterator[Item]:
        """Yield the items that are not None, then log what was left out.

        Raises PoolError if no image is left, or if none of them exists; that some do not exist is not an error here.
        """
        yield from (item for item in items if item is not None)
        for counter, verb in ((self.left_out, "left out, since they"), (self.notes, "that")):
            for reason, count in counter.items():
                log.warning("%s: %d images %s %s.", self.file, count, verb, reason)
        if self._first_path is None:
            reasons = "; ".join(f"{count} {reason}" for reason, count in self.left_out.items())
            raise PoolError(f"{self.file} lists no image that can be used{f': {reasons}' if reasons else ''}.")
        if not self._any_exists:
            raise PoolError(
                f"None of the {len(self._positions)} images that {self.file} lists exists. The first was looked for at "
                f"{self._first_path}.{self.hint} Set pool.root (now {self.root}) to the folder that the paths are "
                f"relative to."
            )
