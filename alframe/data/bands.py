"""Read measured values: TIFF files of any depth and number of bands, .npy files, and the stored values of pictures."""

from __future__ import annotations

import io
import logging
import math
from contextlib import suppress
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from alframe.data.pictures import RANGE_HINT, open_picture, read_orientation, to_eight_bit
from alframe.data.reasons import ReadableOtherwise, UnreadableImage
from alframe.types import InputSpec

_NPY_MAGIC = b"\x93NUMPY"
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two are BigTIFF
_TIFF_ORIENTATION = 274

Array = npt.NDArray[Any]


def begins_as_npy(data: bytes) -> bool:
    """Return whether a file with this beginning is a .npy file."""
    return data.startswith(_NPY_MAGIC)


def is_tiff(data: bytes) -> bool:
    return data.startswith(_TIFF_MAGIC)


def read_bands(data: bytes, channels: int) -> tuple[Array, int]:
    """Return the values as they are stored, (H, W, bands) of any numeric type, and the orientation (1: upright).

    An 8-bit picture is converted to grey or colour if `channels` is 1 or 3. Raises UnreadableImage for a damaged file,
    ReadableOtherwise for a file that needs another package, and the errors of the decoders.
    """
    if begins_as_npy(data):
        return _require_image_array(_read_npy(data)), 1
    return _read_tiff(data, channels) if is_tiff(data) else _read_with_pillow(data, channels)


def fit_to_input(array: Array, spec: InputSpec) -> Array:
    """Return (H, W, channels) from (H, W, bands): unchanged uint8, or float32 with the `value_range` scaled to 0..255.

    A grey image can be used as a colour image. Values outside the range are clipped, and NaN counts as the lowest
    value. Raises ReadableOtherwise if the numbers of bands and channels differ, or if the range is missing or wrong.
    """
    bands = array.shape[2]
    if bands == 1 and spec.channels == 3:
        array = np.repeat(array, 3, axis=2)
    elif bands != spec.channels:
        raise ReadableOtherwise(
            f"it has {bands} band{'s' * (bands > 1)} of {array.shape[0]} x {array.shape[1]} pixels, but the backbone "
            f"takes {spec.channels} (backbone.in_chans). Set backbone.in_chans={bands}, or convert the image"
        )
    if spec.value_range is None:
        if array.dtype != np.uint8:
            low, high = (float(bound(array)) for bound in (np.nanmin, np.nanmax))
            raise ReadableOtherwise(
                f"its values are {array.dtype}, {low:g} to {high:g}, of unknown range; {RANGE_HINT}"
            )
        return array
    low, high = np.array(spec.value_range, np.float32).T
    if array.dtype == np.uint8 and high.max() > 255:
        raise ReadableOtherwise(
            f"its values are 8-bit, but backbone.value_range goes up to {high.max():g}: it would be almost black. "
            f"Put such pictures into a separate pool"
        )
    values = (array.astype(np.float32) - low) * (255 / (high - low))
    return np.asarray(np.clip(np.nan_to_num(values, copy=False, nan=0.0), 0, 255))


def read_npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
    """Return the shape, the type, and whether the array is stored by column. Raises UnreadableImage or ValueError."""
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise UnreadableImage("its array has named fields; save it as one array of numbers")
    shape, by_column, dtype = readers[version](file)
    if dtype.hasobject:
        raise UnreadableImage("it holds Python objects, which are not read; save it as an array of numbers")
    return shape, dtype, by_column


def _read_npy(data: bytes) -> Array:
    # Not np.load: it believes the header, and takes as much memory as that claims.
    file = io.BytesIO(data)
    shape, dtype, by_column = read_npy_header(file)
    size = math.prod(shape) * dtype.itemsize
    if len(data) - file.tell() < size:
        raise UnreadableImage(
            "the array is truncated: the file is shorter than its header says; copy it again from its source"
        )
    values = np.frombuffer(data, dtype, math.prod(shape), file.tell())
    return values.reshape(shape, order="F" if by_column else "C")


def _read_tiff(data: bytes, channels: int) -> tuple[Array, int]:
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # its remarks on odd metadata help nobody who labels
    with tifffile.TiffFile(io.BytesIO(data), _multifile=False) as file:
        series = file.series[0]
        page = series.keyframe
        _require_safe_size(max(page.imagelength * page.imagewidth, math.prod(series.shape) // 4))
        has_colours = page.photometric in (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB)
        if not has_colours or page.bitspersample < 8:
            return _read_with_pillow(data, channels)
        try:
            values = series.asarray(maxworkers=1)
        except (KeyError, ValueError, ImportError) as error:
            if "imagecodecs" not in str(error) and not isinstance(error, ImportError):
                raise
            return _read_with_pillow_instead(data, series)
        tag = page.tags.get(_TIFF_ORIENTATION)
        return _move_bands_last(values, series.axes), tag.value if tag is not None and tag.value in range(1, 9) else 1


def _read_with_pillow_instead(data: bytes, series: Any) -> tuple[Array, int]:
    """Read the TIFF with Pillow, which has more codecs. Raises ReadableOtherwise if Pillow cannot read all of it."""
    with suppress(UnidentifiedImageError, ReadableOtherwise):
        values, orientation = _read_with_pillow(data, None)
        if values.size == math.prod(series.shape):
            return values, orientation
    compression = getattr(series.keyframe.compression, "name", series.keyframe.compression)
    raise ReadableOtherwise(
        f'its compression {compression} needs another package: pip install "alframe[tiff]", '
        f"or save it without compression, or with deflate"
    )


def _move_bands_last(values: Array, axes: str) -> Array:
    """Return the values with the axes y, x and bands. The third axis counts as the bands, whatever its name is."""
    kept = [number for number, axis in enumerate(axes) if axis in "YX" or values.shape[number] > 1]
    bands = [number for number in kept if axes[number] not in "YX"]
    if len(bands) > 1:
        sizes = ", ".join(f"{axes[number]} of {values.shape[number]}" for number in bands)
        raise UnreadableImage(f"it has {len(bands)} axes beside height and width ({sizes}); save one picture per file")
    order = [axes.index("Y"), axes.index("X"), *bands]
    rest = [number for number in range(values.ndim) if number not in order]
    return _require_image_array(values.transpose(order + rest))


def _read_with_pillow(data: bytes, channels: int | None) -> tuple[Array, int]:
    with open_picture(data) as image:
        measured = image.mode.startswith(("I", "F"))
        if not measured and any(";16" in str(tile.args) for tile in image.tile):
            raise ReadableOtherwise(
                "Pillow reads only 8 of the 16 bits of its colours; save it as an uncompressed TIFF"
            )
        image.load()
        # Asked now: Pillow turns a TIFF upright itself while loading it.
        orientation = read_orientation(image)
        picture: Image.Image = image
        if not measured and channels in (1, 3):
            picture = to_eight_bit(image, "L" if channels == 1 else "RGB")
        elif not measured and image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK"):
            picture = image.convert("RGB")
        return _require_image_array(np.asarray(picture)), orientation


def _require_image_array(values: Array) -> Array:
    """Return the values as (H, W, bands) of numbers. Raises UnreadableImage if this is impossible."""
    if values.ndim == 2:
        values = values[:, :, np.newaxis]
    if values.ndim > 3 and math.prod(values.shape[3:]) == 1:
        values = values.reshape(values.shape[:3])
    if values.ndim != 3 or not values.size:
        shape = " x ".join(map(str, values.shape)) or "a single number"
        raise UnreadableImage(f"its array is {shape}; save it as height x width, or as height x width x bands")
    _require_safe_size(values.shape[0] * values.shape[1])
    if values.dtype.kind not in "buif":
        raise UnreadableImage(f"its values have the type {values.dtype}; save it as integers or floats")
    return values


def _require_safe_size(pixels: int) -> None:
    if pixels > 2 * (Image.MAX_IMAGE_PIXELS or math.inf):
        raise Image.DecompressionBombError
