"""Turn boxes that were found in the picture as it is stored into the picture as it is seen, which EXIF may turn."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alframe.formats.detections.columns import Detections
from alframe.progress import track
from alframe.types import Box, Floats64, Ints, Item

Rectangles = npt.NDArray[np.float64]  # (n, 4) of left, top, width and height, as fractions

_THREADS = 8
_UNREADABLE = "its boxes are in pixels, and its size cannot be read from the image"


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """The width and height of a picture as it is stored, and how EXIF turns it: 1 (not at all) to 8."""

    width: int
    height: int
    orientation: int = 1

    def is_turned(self) -> bool:
        """Return whether width and height change places."""
        return self.orientation >= 5


def read_stored_picture(path: Path) -> StoredPicture | None:
    """Return size and orientation from the header of an image; None if they cannot be read."""
    from PIL import Image

    from alframe.data.pictures import read_orientation

    try:
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("ignore")
            return StoredPicture(*image.size, read_orientation(image))
    except Exception:  # any damage: the header tells no size
        return None


def read_stored_pictures(paths: Sequence[Path]) -> Iterator[StoredPicture | None]:
    """Yield size and orientation of each image, read by several threads."""
    with ThreadPoolExecutor(_THREADS) as threads:
        yield from track(threads.map(read_stored_picture, paths), "Reading sizes", total=len(paths), unit="img")


def turn_boxes(boxes: Rectangles, orientations: Ints) -> Rectangles:
    """Return boxes (n, 4) in stored pictures as they lie in the upright ones, by EXIF `orientations` (n,), 1 to 8."""
    x, y, w, h = boxes.T
    right, bottom = 1 - x - w, 1 - y - h  # what is left of the picture on the other sides
    turned = {
        2: (right, y, w, h),
        3: (right, bottom, w, h),
        4: (x, bottom, w, h),
        5: (y, x, h, w),
        6: (bottom, x, h, w),
        7: (bottom, right, h, w),
        8: (y, right, h, w),
    }
    result = boxes.copy()
    for orientation, sides in turned.items():
        rows = orientations == orientation
        result[rows] = np.stack(sides, axis=1)[rows]
    return result


def turn_box(box: Box, orientation: int) -> Box:
    """Return a box in a stored picture as it lies in the upright one."""
    sides: Floats64 = np.array([[box.x, box.y, box.w, box.h]])
    return Box(*turn_boxes(sides, np.array([orientation]))[0].tolist())


def to_upright(detections: Detections, items: Sequence[Item], numbers: Ints) -> Detections:
    """Return the detections with all boxes of these items as fractions of the upright pictures.

    `numbers` (n,) are the items' images in `detections`, below 0 for none. Of boxes in pixels, those of other images
    are left out, and an image whose header cannot be read has failed.
    """
    if detections.frame == "upright":
        return detections
    has_boxes = np.diff(detections.starts) > 0
    rows = [row for row in np.flatnonzero(numbers >= 0).tolist() if has_boxes[numbers[row]]]
    pictures = dict(zip(numbers[rows].tolist(), read_stored_pictures([items[row].path for row in rows]), strict=True))
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
        is_upright = _sticks_out(box, sizes[images], images) & ~_sticks_out(box, upright[images], images)
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


def _sticks_out(box: Rectangles, sizes: Floats64, images: Ints) -> npt.NDArray[np.bool_]:
    """Return (n,) whether a box of the same image ends more than 2 % outside a picture of that size: it is another."""
    outside = (box[:, :2] + box[:, 2:] > 1.02 * sizes + 1).any(axis=1)
    return np.bincount(images, weights=outside, minlength=len(images) and images.max() + 1)[images] > 0
