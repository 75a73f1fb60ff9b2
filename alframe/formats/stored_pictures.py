"""Read the sizes of stored pictures, and convert boxes in stored pictures to the upright pictures by EXIF."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alframe.progress import track
from alframe.types import Box, Ints

Rectangles = npt.NDArray[np.float64]  # (n, 4) of left, top, width and height, as fractions

_THREADS = 8


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """The width and height of a stored picture, and its EXIF orientation, from 1 (upright) to 8."""

    width: int
    height: int
    orientation: int = 1


def read_size_and_orientation(path: Path) -> PictureHeader | None:
    """Return size and orientation from the header of an image; None if they cannot be read."""
    from PIL import Image

    from alframe.data.pictures import read_orientation

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            return PictureHeader(*image.size, read_orientation(image))
    except Exception:  # any damage: the header tells no size
        return None


def read_sizes_and_orientations(paths: Sequence[Path]) -> Iterator[PictureHeader | None]:
    """Yield size and orientation of each image, read by several threads."""
    with ThreadPoolExecutor(_THREADS) as threads:
        yield from track(threads.map(read_size_and_orientation, paths), "Reading sizes", total=len(paths), unit="img")


def turn_boxes(boxes: Rectangles, orientations: Ints) -> Rectangles:
    """Convert boxes (n, 4) in stored pictures to boxes in upright pictures, by EXIF `orientations` (n,), 1 to 8."""
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
    """Convert a box in a stored picture to a box in the upright picture."""
    x, y, w, h = turn_boxes(np.array([[box.x, box.y, box.w, box.h]]), np.array([orientation]))[0].tolist()
    return Box(max(x, 0.0), max(y, 0.0), w, h)


def is_size_of_stored_picture(picture: PictureHeader, size: tuple[float, float]) -> bool | None:
    """Return whether `size` (width, height), in any unit, is the size of the stored picture; None if it is unclear."""
    if picture.orientation == 1:
        return False
    if picture.orientation < 5 or picture.width == picture.height or size[0] == size[1]:
        return None
    return (size[0] > size[1]) == (picture.width > picture.height)
