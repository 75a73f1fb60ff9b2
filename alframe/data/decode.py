"""Read one file once: its content hash, and its pixels or the reason why there are none."""

from __future__ import annotations

import hashlib
import math
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from alframe.data.bands import begins_as_npy, fit_to_input, is_tiff, read_bands
from alframe.data.jpeg import add_missing_end
from alframe.data.pictures import open_picture, read_file_with_stamp, read_orientation, to_eight_bit, turn_upright
from alframe.data.reasons import UnreadableImage, explain_bad_image, explain_file_error, explain_outside_cause
from alframe.drives import is_drive_failure
from alframe.types import Box, InputSpec

Pixels = npt.NDArray[Any]  # uint8, or float32 where the input has a value_range; from 0 to 255 either way


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """The result of decoding one file, or a box in it.

    `pixels` (size, size, channels) are None if the picture cannot be read. Then `reason` gives the reason.
    `content_hash` is the 16-byte BLAKE2b of the file's bytes (and of the box, if any), or None if the file itself
    cannot be read. `stamp` is the file's size and modification time (ns) just before it was read. If the reason is not
    in the file (no memory, or a setting that does not fit it), both are None, so that the file is tried again.
    `damage` describes the missing part of a picture that is used nevertheless. `difference_hash` is computed from the
    pixels by `PlainReader`. `drive_failed`: the file could not be read now, and may be read later.
    """

    pixels: Pixels | None
    content_hash: bytes | None
    reason: str | None
    stamp: tuple[int, int] | None
    difference_hash: bytes | None = None
    damage: str | None = None
    drive_failed: bool = False


class ImageFile:
    """A file that is read once. Its picture is decoded once for each size that its boxes need."""

    def __init__(self, path: Path) -> None:
        self._data, self._stamp, self._reason, self._drive_failed = b"", (0, 0), "", False
        self._mended: tuple[bytes, str | None] | None = None
        try:
            self._data, self._stamp = read_file_with_stamp(path)
        except (OSError, ValueError, MemoryError) as error:
            self._reason, self._drive_failed = explain_file_error(error), is_drive_failure(error)
        self._content = hashlib.blake2b(self._data, digest_size=16)
        self._pictures: dict[tuple[str, tuple[int, int]], Image.Image] = {}

    @property
    def drive_failure(self) -> str | None:
        """The reason why the drive or the network did not give the file; None if it did, or if there is no file."""
        return self._reason if self._drive_failed else None

    def content_hash(self, box: Box | None = None) -> bytes | None:
        """Return the hash of the file's bytes, and of `box` if it is given; None if the file cannot be read."""
        if self._reason:
            return None
        content = self._content.copy()
        if box is not None:
            content.update(struct.pack("<4d", box.x, box.y, box.w, box.h))
        return content.digest()

    def decode(self, spec: InputSpec, box: Box | None = None) -> DecodedImage:
        """Return the file's hash and its picture: upright, cut to `box`, and resized to a square.

        Never raises for a bad file. The whole picture is resized, because a centre crop would lose animals at the edge.
        """
        if self._reason:
            return DecodedImage(None, None, self._reason, None, drive_failed=self._drive_failed)
        content_hash = self.content_hash(box)
        try:
            with warnings.catch_warnings(action="ignore"):  # Pillow's remarks on odd metadata help nobody who labels
                if self._mended is None:
                    self._mended = add_missing_end(self._data)
                picture_bytes, damage = self._mended
                pixels = self._decode_pixels(picture_bytes, spec, box)
        except Exception as error:  # Pillow's decoders raise nearly anything on a damaged file
            if (reason := explain_outside_cause(error)) is not None:
                return DecodedImage(None, None, reason, None)
            return DecodedImage(None, content_hash, explain_bad_image(error, self._data), self._stamp)
        return DecodedImage(pixels, content_hash, None, self._stamp, damage=damage)

    def _decode_pixels(self, data: bytes, spec: InputSpec, box: Box | None) -> Pixels:
        if spec.value_range is None and spec.channels in (1, 3) and not begins_as_npy(data):
            try:
                square = _resize_square(self._decode_picture(data, spec, box), spec, box)
                return square.reshape(spec.size, spec.size, spec.channels)
            except UnidentifiedImageError:
                if not is_tiff(data):
                    raise
        array, orientation = read_bands(data, spec.channels)
        values = fit_to_input(array, spec)
        planes = (Image.fromarray(np.ascontiguousarray(values[:, :, band])) for band in range(spec.channels))
        square = np.stack([_resize_square(turn_upright(plane, orientation), spec, box) for plane in planes], axis=2)
        return square if square.dtype == np.uint8 else np.clip(square, 0, 255)  # bicubic filters overshoot

    def _decode_picture(self, data: bytes, spec: InputSpec, box: Box | None) -> Image.Image:
        with open_picture(data) as image:
            orientation = read_orientation(image)
            sides = (box.w, box.h) if box else (1.0, 1.0)
            if not all(side > 0 for side in sides):  # nan as well
                raise UnreadableImage("its box is empty; correct it in the file with the boxes")
            # A JPEG decodes to 1/2, 1/4 or 1/8 at a fraction of the cost; twice the target is enough to resample.
            width, height = (math.ceil(2 * spec.size / min(side, 1.0)) for side in sides)
            mode = "L" if spec.channels == 1 else "RGB"
            image.draft(mode, (width, height) if orientation < 5 else (height, width))
            key = mode, image.size
            if key not in self._pictures:
                image.load()
                # Read again: Pillow turns a TIFF upright itself while loading it.
                self._pictures[key] = turn_upright(to_eight_bit(image, mode), read_orientation(image))
        return self._pictures[key]


def _resize_square(picture: Image.Image, spec: InputSpec, box: Box | None) -> Pixels:
    region = None
    if box is not None:
        left, right = (min(max(x, 0.0), 1.0) * picture.width for x in (box.x, box.x + box.w))
        top, bottom = (min(max(y, 0.0), 1.0) * picture.height for y in (box.y, box.y + box.h))
        if not (right > left and bottom > top):
            raise UnreadableImage("its box lies outside the picture; correct it in the file with the boxes")
        region = left, top, right, bottom
    resampling = Image.Resampling[spec.interpolation.upper()]
    return np.array(picture.resize((spec.size, spec.size), resampling, box=region, reducing_gap=2.0))
