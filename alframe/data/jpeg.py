"""Read JPEGs whose last bytes are missing, for example because the card was full or was removed too early."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image

from alframe.data.reasons import UnreadableImage

MIN_DECODED_SHARE = 0.9  # of the picture: from here on it is used
_START, _END = b"\xff\xd8\xff", b"\xff\xd9"
_FILL_GREYS = (127, 128)  # libjpeg fills what is missing with middle grey, which is 127 in an inverted CMYK


def add_missing_end(data: bytes) -> tuple[bytes, str | None]:
    """Return the bytes of a JPEG with the missing end, and a description of the missing part; None: nothing is missing.

    As in viewers, the lost part is grey. Other files, and JPEGs with other damage, are returned unchanged. Raises
    UnreadableImage if too little is left.
    """
    content = data.rstrip(b"\0")  # a file system fills what was never written with zeros
    if not data.startswith(_START) or content.endswith(_END) or not _is_cut_short(content):
        return data, None
    mended = content + _END
    percent = math.floor(100 * _measure_decoded_part(mended))
    if percent < 100 * MIN_DECODED_SHARE:
        raise UnreadableImage(
            f"the picture is cut short: only {percent} % of it can be decoded; copy the file again from its source"
        )
    decoded = "all" if percent == 100 else f"{percent} %"
    return mended, f"its last bytes are missing; {decoded} of the picture can be decoded"


def _is_cut_short(data: bytes) -> bool:
    """Return whether the picture needs more bytes than the file has."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft("L", (1, 1))
            image.load()
    except OSError as error:
        return "truncated" in str(error).lower()
    return False


def _measure_decoded_part(data: bytes) -> float:
    """Return the part of the picture, from 0 to 1, before the grey part at its end; 0 if nothing can be decoded."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft("L", (1, 1))  # an eighth of its size: a pixel for each of the blocks that it is stored in
            image.load()
            pixels = np.atleast_3d(np.asarray(image))
    except (OSError, SyntaxError):
        return 0.0
    decoded = ~np.isin(pixels, _FILL_GREYS).all(axis=2)
    height, width = decoded.shape
    # Blocks are stored in groups of up to two by two, from left to right.
    padded = np.pad(decoded, ((0, height % 2), (0, width % 2)))
    groups = padded.reshape(padded.shape[0] // 2, 2, -1, 2).any(axis=(1, 3)).ravel()
    return float(np.flatnonzero(groups)[-1] + 1) / len(groups) if groups.any() else 0.0
