"""Crops instead of whole images: what a detector found decides where in each image to look."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alframe.errors import PoolError
from alframe.formats.detections import Detections, match_images, read_detections
from alframe.progress import track
from alframe.registry import did_you_mean
from alframe.settings import Boxes
from alframe.types import Box, Item, pool_root

log = logging.getLogger(__name__)

_NOT_ANIMALS = ("person", "vehicle", "empty", "blank")


def crop_items(items: Sequence[Item], boxes: Boxes) -> list[Item]:
    """The items with their boxes, as `boxes` says; `meta` notes in "detected" what was found.

    An image with several boxes of the category in the file gives, with use=all, items `<id>#<n>` with "n of m" as
    meta["box"]: n counts from the most confident one, whatever the threshold, so that a box keeps its id when that
    changes. Images that the file does not mention, or has as failed, stay as they are, and are counted in the log.
    Raises FormatError for a file that cannot be read or is about other images, PoolError for one without the category.
    """
    if boxes.file is None:
        return list(items)
    file = Path(boxes.file).expanduser().absolute()
    found = read_detections(file, pool_root(items))
    if found.failures and not found:
        path, why = next(iter(found.failures.items()))
        raise PoolError(f"{file}: all {len(found.failures)} images failed; the first, '{path}': {why}.")
    numbers = match_images(items, found.image_numbers, file)
    ranked = _RankedBoxes(found, boxes)
    missing = int((numbers < 0).sum())
    if missing:
        log.warning(
            "%d of %d images have no entry in %s (%d failed there). They are looked at whole.",
            *(missing, len(items), file, len(found.failures)),
        )
    pairs = track(zip(items, numbers.tolist(), strict=True), "Cropping", total=len(items), unit="img")
    return [one for item, at in pairs for one in _crop_item(item, at, ranked, boxes)]


class _RankedBoxes:
    """The boxes of the category, of each image the most confident first; ties as in the file."""

    def __init__(self, found: Detections, boxes: Boxes) -> None:
        images = np.repeat(np.arange(len(found.starts) - 1), np.diff(found.starts))
        corner = np.clip(found.box[:, :2], 0.0, 1.0)
        size = np.clip(found.box[:, :2] + found.box[:, 2:], 0.0, 1.0) - corner
        wanted = _category_mask(found, boxes)[found.category] if len(found.category) else np.zeros(0, bool)
        rows = np.flatnonzero(wanted & (size > 0).all(axis=1))
        rows = rows[np.lexsort((-found.confidence[rows], images[rows]))]
        low = np.clip(corner - boxes.margin * size, 0.0, 1.0)
        high = np.clip(corner + (1 + boxes.margin) * size, 0.0, 1.0)
        self.box = np.concatenate([low, high - low], axis=1)[rows]
        self.confidence = found.confidence[rows]
        self.category = found.category[rows]
        self.categories = found.categories
        self.starts = np.searchsorted(images[rows], np.arange(len(found.starts)))
        sure = np.concatenate([[0], np.cumsum(self.confidence >= boxes.threshold)])
        self.sure = sure[self.starts[1:]] - sure[self.starts[:-1]]  # (images,) boxes from the threshold up

    def words(self, row: int) -> str:
        return f"{self.categories[self.category[row]]} {self.confidence[row]:.3f}"


def _category_mask(found: Detections, boxes: Boxes) -> npt.NDArray[np.bool_]:
    """(C,) which of the file's categories are of the wanted one."""
    names = [name.casefold() for name in found.categories]
    wanted = "person" if boxes.category.casefold() == "human" else boxes.category.casefold()
    if wanted == "animal":
        return np.array([name not in _NOT_ANIMALS for name in names], bool)
    if names and wanted not in names:
        hint = did_you_mean(boxes.category, list(found.categories))
        raise PoolError(
            f"{boxes.file} has no detection of the category '{boxes.category}'.{hint} It has: "
            f"{', '.join(found.categories)}. Set boxes.category."
        )
    return np.array([name == wanted for name in names], bool)


def _crop_item(item: Item, at: int, ranked: _RankedBoxes, boxes: Boxes) -> Iterator[Item]:
    if at < 0:
        yield item
        return
    start, listed, sure = int(ranked.starts[at]), int(ranked.starts[at + 1] - ranked.starts[at]), int(ranked.sure[at])
    if not sure:
        if boxes.empty == "keep":
            yield item
    elif boxes.use == "image":
        words = ", ".join(ranked.words(row) for row in range(start, start + sure))
        yield replace(item, box=None, meta={**item.meta, "detected": words})
    else:
        for rank in range(sure if boxes.use == "all" else 1):
            row = start + rank
            meta = {**item.meta, "detected": ranked.words(row)}
            box = Box(*ranked.box[row].tolist())
            if boxes.use == "all" and listed > 1:
                meta["box"] = f"{rank + 1} of {sure}"
                yield replace(item, id=f"{item.id}#{rank + 1}", box=box, meta=meta)
            else:
                yield replace(item, box=box, meta=meta)
