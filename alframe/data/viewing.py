"""Open any picture in a form that people can view."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from alframe.data.bands import Array, begins_as_npy, is_tiff, read_bands
from alframe.data.jpeg import add_missing_end
from alframe.data.pictures import (
    is_heic,
    open_picture,
    read_file_with_stamp,
    read_orientation,
    to_eight_bit,
    turn_upright,
)
from alframe.data.reasons import explain_bad_image, explain_file_error, explain_outside_cause
from alframe.errors import PoolError

_SHOWN_PERCENTILES = (2, 98)  # between which measured values are shown, as GIS programs do


def open_for_viewing(path: Path, side: int | None = None) -> Image.Image:
    """Return the picture upright, in 8-bit RGB; at most `side` pixels a side, if given.

    If there are three or more bands, the first three are red, green and blue. Otherwise the first band is grey. Values
    of more than 8 bits are stretched, each band separately. Raises PoolError with the reason.
    """
    try:
        data, _ = read_file_with_stamp(path)
    except (OSError, ValueError, MemoryError) as error:
        raise PoolError(explain_file_error(error)) from error
    try:
        with warnings.catch_warnings(action="ignore"):  # Pillow's remarks on odd metadata help nobody who labels
            picture = _open_picture(add_missing_end(data)[0], side)
            if side is not None:
                picture.thumbnail((side, side))
    except Exception as error:  # Pillow's decoders raise nearly anything on a damaged file
        raise PoolError(explain_outside_cause(error) or explain_bad_image(error, data)) from error
    return picture


def needs_conversion(path: Path) -> bool:
    """Return whether viewers cannot show a file: HEIC, an array, or a TIFF with many bands or floating-point values.

    Raises OSError.
    """
    with path.open("rb") as file:
        start = file.read(16)
    if not is_tiff(start):
        return begins_as_npy(start) or is_heic(start)
    try:
        with Image.open(path) as image:
            return image.mode == "F"
    except (UnidentifiedImageError, Image.DecompressionBombError):
        return True


def _open_picture(data: bytes, side: int | None) -> Image.Image:
    if not begins_as_npy(data):
        try:
            with open_picture(data) as image:
                if side is not None:
                    image.draft("RGB", (side, side))  # a JPEG decodes at reduced size, many times faster
                image.load()
                measured = image.mode.startswith(("I", "F"))
                picture = _to_displayable(np.asarray(image)) if measured else to_eight_bit(image, "RGB")
                return turn_upright(picture, read_orientation(image))
        except UnidentifiedImageError:
            if not is_tiff(data):
                raise
    array, orientation = read_bands(data, channels=3)
    return turn_upright(_to_displayable(array), orientation)


def _to_displayable(array: Array) -> Image.Image:
    bands = np.atleast_3d(array)
    bands = bands[:, :, : 3 if bands.shape[2] >= 3 else 1]
    planes = [_stretch_contrast(plane) for plane in np.moveaxis(bands, 2, 0)]
    return Image.fromarray(np.dstack(planes) if len(planes) == 3 else planes[0]).convert("RGB")


def _stretch_contrast(band: Array) -> Array:
    if band.dtype == np.uint8:
        return band
    values = band.astype(np.float32)
    finite = values[np.isfinite(values)]
    if not finite.size:
        finite = np.array([0, 1], np.float32)
    low, high = np.percentile(finite, _SHOWN_PERCENTILES)
    if high <= low:  # more than nine tenths are alike
        low, high = float(finite.min()), float(finite.max())
    scaled = (values - low) * (255 / max(high - low, 1e-12))
    return np.asarray(np.clip(np.nan_to_num(scaled, nan=0.0), 0, 255).astype(np.uint8))
