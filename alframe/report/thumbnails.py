"""Small pictures inside the page, as data URIs."""

from __future__ import annotations

import base64
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from alframe.data.decode import decode
from alframe.types import Box, InputSpec

SIDE = 240  # pixels; shown at about 170, so that it stays sharp on a phone
_MARK = "#ffd400"


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture ready to show, or the `reason` why there is none."""

    uri: str = ""
    width: int = 0
    height: int = 0
    reason: str = ""


def thumbnail(path: Path, box: Box | None = None) -> Thumbnail:
    """A JPEG of at most SIDE pixels a side, upright, with `box` drawn on it; never raises for a bad file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            small = _small(path)
    except Exception as error:  # Pillow's decoders raise nearly anything on a damaged file
        tiny = InputSpec(size=8, mean=(0.0,) * 3, std=(1.0,) * 3)
        return Thumbnail(reason=decode(path, tiny).reason or f"{type(error).__name__}: {error}")
    if box is not None:
        _draw(small, box)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=78)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Thumbnail(f"data:image/jpeg;base64,{data}", small.width, small.height)


def _small(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.draft("RGB", (SIDE, SIDE))  # a JPEG decodes at reduced size, many times faster for a large photograph
        picture: Image.Image = image
        if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip rather than scale
            wide = np.clip(np.asarray(image, dtype=np.float32), 0, 65535)
            picture = Image.fromarray(np.round(wide / 257).astype(np.uint8))
        elif image.has_transparency_data:
            seen = image.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    upright.thumbnail((SIDE, SIDE))
    return upright


def _draw(image: Image.Image, box: Box) -> None:
    left, top = box.x * image.width, box.y * image.height
    right, bottom = left + box.w * image.width - 1, top + box.h * image.height - 1
    if right > left and bottom > top:
        ImageDraw.Draw(image).rectangle((left, top, right, bottom), outline=_MARK, width=2)
