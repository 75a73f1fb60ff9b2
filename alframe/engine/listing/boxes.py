"""Boxes instead of whole images, from the file of a detector."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from alframe.errors import PoolError
from alframe.formats.detections import OLD_MEGADETECTOR_THRESHOLD, Detections, category_kind, match_detections
from alframe.progress import track
from alframe.registry import did_you_mean
from alframe.settings import Boxes
from alframe.types import Bools, Box, Item

log = logging.getLogger(__name__)

DEFAULT_THRESHOLD = 0.2  # of a file that does not say which is typical of its detector


def assign_boxes(items: Sequence[Item], boxes: Boxes) -> list[Item]:
    """Return the items with their boxes, according to `boxes`; meta["detected"] of an item has the detector's finding.

    With use=all, an image with several boxes of the category gives items `<id>#<n>` with "n of m" as meta["box"]. The
    box with the highest confidence has n = 1, whatever the threshold is, so a box keeps its id if the threshold
    changes. Images that are not in the file, or that the detector could not read, stay whole, and the log has their
    number. If `boxes` has no threshold, the threshold of the file is used.
    Raises FormatError for a file that cannot be read or lists other images, PoolError for a file without the category.
    """
    if boxes.file is None:
        return list(items)
    file = Path(boxes.file).expanduser().absolute()
    detections, numbers = match_detections(items, file, "Their whole images are used.")
    if detections.failures and not detections:
        path, reason = next(iter(detections.failures.items()))
        raise PoolError(
            f"{file}: all {len(detections.failures)} images failed; the first, '{path}': {reason}. "
            "Run the detector again."
        )
    ranked = _RankedBoxes(detections, boxes)
    if boxes.threshold is None:
        _warn_of_threshold(detections, file)
    pairs = track(zip(items, numbers.tolist(), strict=True), "Assigning boxes", total=len(items), unit="img")
    return [boxed for item, number in pairs for boxed in _split_by_boxes(item, number, ranked, boxes)]


def _warn_of_threshold(detections: Detections, file: Path) -> None:
    """Log which boxes count, if the file or its detector suggests another threshold than the default."""
    stated = detections.stated_threshold
    if detections.threshold not in (None, DEFAULT_THRESHOLD):
        text = "Boxes count if their confidence is at least %g, the typical threshold that %s gives. boxes.threshold "
        log.warning(text + "sets another.", detections.threshold, file)
    elif detections.threshold is None and stated is not None:
        text = (
            "%s: typical_detection_threshold is %.40r, which is not a number above 0 and up to 1. Boxes count if "
            "their confidence is at least %g. boxes.threshold sets another."
        )
        log.warning(text, file, stated, DEFAULT_THRESHOLD)
    elif stated is None and detections.is_old_megadetector:
        # Not used as the default: in projects that have begun, boxes would turn into whole images.
        text = (
            "%s gives no typical threshold. Boxes count if their confidence is at least %g. But the detector seems to "
            "be MegaDetector 2, 3 or 4, for which %g is typical. In a new project, set boxes.threshold=%g."
        )
        log.warning(text, file, DEFAULT_THRESHOLD, *[OLD_MEGADETECTOR_THRESHOLD] * 2)


class _RankedBoxes:
    """The boxes of the category, by image, the highest confidence first; equal ones in the order of the file."""

    def __init__(self, detections: Detections, boxes: Boxes) -> None:
        images = np.repeat(np.arange(len(detections.starts) - 1), np.diff(detections.starts))
        corner = np.clip(detections.box[:, :2], 0.0, 1.0)
        size = np.clip(detections.box[:, :2] + detections.box[:, 2:], 0.0, 1.0) - corner
        of_category = np.zeros(0, bool)
        if len(detections.category):
            of_category = _category_mask(detections, boxes)[detections.category]
        rows = np.flatnonzero(of_category & (size > 0).all(axis=1))
        rows = rows[np.lexsort((-detections.confidence[rows], images[rows]))]
        low = np.clip(corner - boxes.margin * size, 0.0, 1.0)
        high = np.clip(corner + (1 + boxes.margin) * size, 0.0, 1.0)
        self.box = np.concatenate([low, high - low], axis=1)[rows]
        self.confidence = detections.confidence[rows]
        self.category = detections.category[rows]
        self.categories = detections.categories
        self.starts = np.searchsorted(images[rows], np.arange(len(detections.starts)))  # (images + 1,) into the rows
        confident = np.concatenate([[0], np.cumsum(self.confidence >= find_threshold(detections, boxes))])
        self.confident_counts = confident[self.starts[1:]] - confident[self.starts[:-1]]  # (images,)

    def describe(self, row: int) -> str:
        """Return the category and confidence of a box, such as "animal 0.932"."""
        return f"{self.categories[self.category[row]]} {self.confidence[row]:.3f}"


def find_threshold(detections: Detections, boxes: Boxes) -> float:
    """Return the confidence from which a box counts: the setting, or else the typical threshold of the detector."""
    if boxes.threshold is not None:
        return boxes.threshold
    return DEFAULT_THRESHOLD if detections.threshold is None else detections.threshold


def _category_mask(detections: Detections, boxes: Boxes) -> Bools:
    """Return (C,) which of the file's categories are the category of `boxes`."""
    names = [name.casefold() for name in detections.categories]
    category = "person" if boxes.category.casefold() == "human" else boxes.category.casefold()
    if category in ("animal", "person", "vehicle"):
        kinds = np.array([category_kind(name) == category for name in names], bool)
        if kinds.any() or category == "animal":
            return kinds
    if names and category not in names:
        hint = did_you_mean(boxes.category, list(detections.categories))
        raise PoolError(
            f"{boxes.file} has no detection of the category '{boxes.category}'.{hint} It has: "
            f"{', '.join(detections.categories)}. Set boxes.category."
        )
    return np.array([name == category for name in names], bool)


def _split_by_boxes(item: Item, image: int, ranked: _RankedBoxes, boxes: Boxes) -> Iterator[Item]:
    """Yield the items of the boxes of an item; `image` is its number in the file, or -1 if it is not in the file."""
    if image < 0:
        yield item
        return
    start, end = ranked.starts[image : image + 2].tolist()
    confident = int(ranked.confident_counts[image])
    if not confident:
        if boxes.empty == "keep":
            yield item
    elif boxes.use == "image":
        detected = ", ".join(ranked.describe(row) for row in range(start, start + confident))
        yield replace(item, box=None, meta={**item.meta, "detected": detected})
    else:
        is_split = boxes.use == "all" and end - start > 1
        for rank in range(confident if boxes.use == "all" else 1):
            box, box_meta = Box(*ranked.box[start + rank].tolist()), {"box": f"{rank + 1} of {confident}"}
            meta = {**item.meta, "detected": ranked.describe(start + rank), **(box_meta if is_split else {})}
            yield replace(item, id=f"{item.id}#{rank + 1}" if is_split else item.id, box=box, meta=meta)
