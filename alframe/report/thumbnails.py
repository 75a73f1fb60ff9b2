"""Make small pictures for the page, as data URIs."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from PIL import ImageDraw

from alframe.data.viewing import open_for_viewing
from alframe.errors import PoolError
from alframe.kit.round_images import encode_jpeg
from alframe.types import Box

THUMBNAIL_SIDE = 240  # pixels; shown at about 170, so that it stays sharp on a phone
_BOX_COLOUR = "#ffd400"


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture for the page, or the `reason` why there is none."""

    uri: str = ""
    width: int = 0
    height: int = 0
    reason: str = ""


def thumbnail(path: Path, box: Box | None = None) -> Thumbnail:
    """Return an upright JPEG of at most THUMBNAIL_SIDE pixels a side, with `box` drawn; a bad file is no error."""
    try:
        small = open_for_viewing(path, THUMBNAIL_SIDE)
    except PoolError as error:
        return Thumbnail(reason=str(error))
    if box is not None:
        left, top = box.x * small.width, box.y * small.height
        right, bottom = left + box.w * small.width - 1, top + box.h * small.height - 1
        if right > left and bottom > top:
            ImageDraw.Draw(small).rectangle((left, top, right, bottom), outline=_BOX_COLOUR, width=2)
    data = base64.b64encode(encode_jpeg(small, quality=78)).decode("ascii")
    return Thumbnail(f"data:image/jpeg;base64,{data}", small.width, small.height)
