"""One pass over one file: its hash, its pixels, or the reason why it cannot be read."""

from __future__ import annotations

import hashlib
import io
import math
import stat
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from alframe.types import Box, InputSpec

_FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
}
_ORIENTATION = 0x0112  # the EXIF tag
_NO_MEMORY = "there is not enough memory to decode it"
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came of one file.

    `pixels` (size, size, channels) uint8, None if the picture cannot be read; `content` the 16-byte BLAKE2b of the
    file's bytes (and of the box, if any), None if the file itself cannot be read; `reason` why there are no pixels.
    `stamp` is the file's size and modification time (ns) just before it was read. `content` and `stamp` are None as
    well when the reason lies outside the file (no memory, say), so that nobody holds it against the file.
    """

    pixels: npt.NDArray[np.uint8] | None
    content: bytes | None
    reason: str | None
    stamp: tuple[int, int] | None


def decode(path: Path, spec: InputSpec, box: Box | None = None) -> Decoded:
    """Read, hash, turn upright, cut to `box`, and squash to a square; never raises for a bad file.

    The whole picture is squashed on purpose: a centre crop loses animals at the edge.
    """
    try:
        data, stamp = _read(path)
    except (OSError, ValueError) as error:
        return Decoded(None, None, _why_no_file(error), None)
    except MemoryError:
        return Decoded(None, None, _NO_MEMORY, None)
    content = hashlib.blake2b(data, digest_size=16)
    if box is not None:
        content.update(struct.pack("<4d", box.x, box.y, box.w, box.h))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata help nobody who labels
            pixels = _pixels(data, spec, box)
    except Exception as error:  # Pillow's decoders raise nearly anything on a damaged file
        if _not_its_fault(error):
            return Decoded(None, None, _NO_MEMORY if _is_memory(error) else f"it cannot be decoded: {error}", None)
        return Decoded(None, content.digest(), _why_no_picture(error, data), stamp)
    return Decoded(pixels, content.digest(), None, stamp)


def _read(path: Path) -> tuple[bytes, tuple[int, int]]:
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError
    if not stat.S_ISREG(found.st_mode):  # a pipe would wait for ever
        raise ValueError("it is a device or a pipe, not a file")
    return path.read_bytes(), (found.st_size, found.st_mtime_ns)


def _pixels(data: bytes, spec: InputSpec, box: Box | None) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        orientation = _orientation(image)
        part = (box.w, box.h) if box else (1.0, 1.0)
        if not all(side > 0 for side in part):  # nan as well
            raise _UnreadableError("its box is empty")
        # A JPEG decodes to 1/2, 1/4 or 1/8 at a fraction of the cost; twice the target is enough for the resampling.
        width, height = (math.ceil(2 * spec.size / min(side, 1.0)) for side in part)
        mode = "L" if spec.channels == 1 else "RGB"
        image.draft(mode, (width, height) if orientation < 5 else (height, width))
        image.load()
        turn = _UPRIGHT.get(_orientation(image))  # asked again: Pillow turns a TIFF upright itself while loading it
        picture = eight_bit(image, mode)
    if turn is not None:
        picture = picture.transpose(turn)
    square = picture.resize(
        (spec.size, spec.size), _FILTERS[spec.interpolation], box=_region(picture, box), reducing_gap=2.0
    )
    return np.array(square).reshape(spec.size, spec.size, spec.channels)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF is no reason to lose the picture
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _region(picture: Image.Image, box: Box | None) -> tuple[float, float, float, float] | None:
    if box is None:
        return None
    left, right = (min(max(x, 0.0), 1.0) * picture.width for x in (box.x, box.x + box.w))
    top, bottom = (min(max(y, 0.0), 1.0) * picture.height for y in (box.y, box.y + box.h))
    if not (right > left and bottom > top):
        raise _UnreadableError("its box lies outside the picture")
    return left, top, right, bottom


def eight_bit(image: Image.Image, mode: str) -> Image.Image:
    """The picture in `mode`, on white where it is transparent, as a viewer would show it."""
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip rather than scale
        wide = np.clip(np.asarray(image, dtype=np.float32), 0, 65535)
        return Image.fromarray(np.round(wide / 257).astype(np.uint8)).convert(mode)
    if image.mode == "F":
        raise _UnreadableError(
            "its pixels are floating-point numbers of unknown range; save it with 8 or 16 bits per channel"
        )
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert(mode)
    if image.mode == "LAB":
        image = image.convert("RGB")  # Pillow knows no direct way from it to grey
    return image.convert(mode)


class _UnreadableError(Exception):
    """Its message is the reason."""


def _why_no_file(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "it is a folder, not a file"
    if isinstance(error, PermissionError):
        return "permission denied: this user may not read the file"
    return f"the file cannot be read: {getattr(error, 'strerror', None) or error}"


def _not_its_fault(error: Exception) -> bool:
    # An OSError with a number is the system's, not Pillow's: the bytes are in memory. Codecs are imported when needed.
    return _is_memory(error) or isinstance(error, ImportError) or getattr(error, "errno", None) is not None


def _is_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower()


def _why_no_picture(error: Exception, data: bytes) -> str:
    if not data:
        return "the file is empty (0 bytes)"
    if isinstance(error, _UnreadableError):
        return str(error)
    if isinstance(error, UnidentifiedImageError):
        return "it is not an image, or in a format that cannot be read (JPEG, PNG, TIFF and WebP can)"
    if isinstance(error, Image.DecompressionBombError):
        return f"it claims more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels, too many to open safely; shrink it"
    if "truncated" in str(error).lower():
        return "the picture is cut short; copy the file again from its source"
    return f"the picture is damaged ({type(error).__name__}: {error})"
