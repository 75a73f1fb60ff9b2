"""Compute the difference hash: 64 bits that stay the same if a picture is saved again, smaller or a little brighter."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

REDUCED_SIDE = 72  # pixels looked at: 8 x 9 in each cell are enough for its mean, and a tenth of what backbones are fed


def difference_hash(pixels: npt.NDArray[Any]) -> bytes:
    """Return the 8 bytes of dHash (Krawetz 2013) of pixels (H, W, bands), from 0 to 255.

    The picture is averaged to 8 rows of 9 grey cells. A bit says whether a cell is brighter than the cell to its left,
    by at least one grey level, so that the noise of an even surface (a black frame, fog) has no influence.
    """
    step = max(1, min(pixels.shape[:2]) // REDUCED_SIDE)
    pixels = np.ascontiguousarray(pixels[::step, ::step])
    bands = pixels.shape[2]
    if pixels.dtype == np.uint8 and bands in (1, 3):
        grey = Image.fromarray(pixels if bands == 3 else pixels[:, :, 0]).convert("L").convert("F")
    else:
        grey = Image.fromarray(pixels.mean(axis=2, dtype=np.float32))
    cells = np.asarray(grey.resize((9, 8), Image.Resampling.BOX))
    return np.packbits(cells[:, 1:] >= cells[:, :-1] + 1).tobytes()
