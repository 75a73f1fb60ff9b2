"""Boxes of programs that look at the stored picture, in pixels or in fractions, as fractions of the upright one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from alframe.formats.detections.columns import Detections
from alframe.formats.stored_pictures import Rectangles, read_sizes_and_orientations, turn_boxes
from alframe.types import Floats64, Ints, Item

_UNREADABLE = "its boxes are in pixels, and its size cannot be read from the image"


def turn_boxes_upright(detections: Detections, items: Sequence[Item], numbers: Ints) -> Detections:
    """Return the detections with all boxes of these items as fractions of the upright pictures.

    `numbers` (n,) are the items' images in `detections`, below 0 for none. Of boxes in pixels, those of other images
    are left out, and an image whose header cannot be read has failed.
    """
    if detections.frame == "upright":
        return detections
    has_boxes = np.diff(detections.starts) > 0
    rows = [row for row in np.flatnonzero(numbers >= 0).tolist() if has_boxes[numbers[row]]]
    pictures = dict(
        zip(numbers[rows].tolist(), read_sizes_and_orientations([items[row].path for row in rows]), strict=True)
    )
    sizes = np.full((len(has_boxes), 2), np.nan)
    orientations = np.ones(len(has_boxes), np.int64)
    for number, picture in pictures.items():
        if picture is not None:
            sizes[number] = picture.width, picture.height
            orientations[number] = picture.orientation
    images = np.repeat(np.arange(len(has_boxes)), np.diff(detections.starts))
    box = detections.box
    if detections.frame == "pixels":
        upright = np.where((orientations >= 5)[:, None], sizes[:, ::-1], sizes)
        is_upright = _reaches_outside(box, sizes[images], images) & ~_reaches_outside(box, upright[images], images)
        orientations[images[is_upright]] = 1
        box = box / np.tile(np.where(is_upright[:, None], upright[images], sizes[images]), 2)
    paths = {number: path for path, number in detections.image_numbers.items()}
    unreadable = {number for number, picture in pictures.items() if picture is None and detections.frame == "pixels"}
    return replace(
        detections,
        frame="upright",
        box=turn_boxes(box, orientations[images]),
        failures=detections.failures | {paths[number]: _UNREADABLE for number in unreadable},
        image_numbers={
            path: number
            for path, number in detections.image_numbers.items()
            if detections.frame == "stored" or not has_boxes[number] or number in pictures.keys() - unreadable
        },
    )


def _reaches_outside(box: Rectangles, sizes: Floats64, images: Ints) -> npt.NDArray[np.bool_]:
    """Return (n,) whether a box of the same image ends more than 2 % outside a picture of that size: it is another."""
    outside = (box[:, :2] + box[:, 2:] > 1.02 * sizes + 1).any(axis=1)
    return np.bincount(images, weights=outside, minlength=len(images) and images.max() + 1)[images] > 0
