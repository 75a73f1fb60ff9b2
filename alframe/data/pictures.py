"""Read pictures with Pillow, turn them upright, and convert them to 8 bits."""

from __future__ import annotations

import io
import stat
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from alframe.commands import quote_argument
from alframe.compat import register_heic
from alframe.data.reasons import ReadableOtherwise

register_heic()

RANGE_HINT = f"set their range, e.g. {quote_argument('backbone.value_range=[0,10000]')}, or save it with 8 bits"
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# "mif1" and "msf1" are those of HEIF in general, and of AVIF too; Pillow has read AVIF before this is asked.
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


def read_file_with_stamp(path: Path) -> tuple[bytes, tuple[int, int]]:
    """Return the file's bytes, and its size and modification time (ns) just before. Raises OSError or ValueError."""
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError
    if not stat.S_ISREG(status.st_mode):  # a pipe would wait for ever
        raise ValueError("it is a device or a pipe, not a file")
    return path.read_bytes(), (status.st_size, status.st_mtime_ns)


def is_heic(data: bytes) -> bool:
    """Return whether a file with this beginning is a HEIC or HEIF picture, the format of many telephones."""
    return data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS


def open_picture(data: bytes) -> ImageFile:
    """Open a picture with Pillow. Raises ReadableOtherwise if another package could read it, and Pillow's errors."""
    try:
        return Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        if is_heic(data) and "HEIF" not in Image.OPEN:
            raise ReadableOtherwise(
                'it is a HEIC picture: to read those, pip install "alframe[heif]", or save it as a JPEG'
            ) from None
        raise


def read_orientation(image: Image.Image) -> int:
    """Return the orientation of the camera from EXIF, from 1 (upright) to 8."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF is not a reason to lose the picture
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def turn_upright(picture: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def to_eight_bit(image: Image.Image, mode: str) -> Image.Image:
    """Return the picture in `mode`, with white in place of transparency. Raises ReadableOtherwise for float values."""
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip rather than scale
        wide = np.clip(np.asarray(image, dtype=np.float32), 0, 65535)
        return Image.fromarray(np.round(wide / 257).astype(np.uint8)).convert(mode)
    if image.mode == "F":
        low, high = image.getextrema()
        raise ReadableOtherwise(
            f"its pixels are floating-point numbers, {low:g} to {high:g}, of unknown range; {RANGE_HINT}"
        )
    if image.has_transparency_data:
        transparent = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), transparent).convert(mode)
    if image.mode == "LAB":
        image = image.convert("RGB")  # Pillow knows no direct way from it to grey
    return image.convert(mode)
