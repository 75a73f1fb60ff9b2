"""Put images into a round's folder: as a link, as a copy, or drawn anew if people could not open the original."""

from __future__ import annotations

import io
import math
import os
import shutil
from pathlib import Path

from PIL import Image, ImageDraw

from alframe.store.files import make_hard_link, replace_atomically
from alframe.types import Box, Item

MARGIN = 0.1  # shown around a box that is cut out, as a fraction of its longer side
OUTLINE_COLOUR = "#ffd400"


def place_image(source: Path, target: Path, link: bool, drawn: bytes | None = None) -> int:
    """Put the image file `source` at `target`; return the bytes written, 0 for a hard link.

    With `link`, it is a hard link if the file system allows this. If `drawn` is given, these bytes are written instead.
    The new file has the time of the original, because viewers sort by it. If the process is killed, no incomplete image
    is left. Raises OSError.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if link and drawn is None and make_hard_link(source, target):  # else a copy does as well
        return 0
    with replace_atomically(target) as temporary:
        if drawn is None:
            shutil.copyfile(source, temporary)
        else:
            temporary.write_bytes(drawn)
        times = source.stat()
        os.utime(temporary, ns=(times.st_atime_ns, times.st_mtime_ns))
        return temporary.stat().st_size


def box_to_show(item: Item) -> Box | None:
    """Return the box that an item is about, or None if it is about a whole image.

    If an image has several boxes, people must see which of them they should label.
    """
    return item.box if "box" in item.meta else None


def encode_jpeg(picture: Image.Image, exif: bytes = b"", quality: int = 95) -> bytes:
    """Return a picture as the content of a JPEG file."""
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=quality, exif=exif)
    return content.getvalue()


def crop_box(picture: Image.Image, box: Box) -> Image.Image:
    """Return the part of a picture within a box, with a margin around it."""
    margin = MARGIN * max(box.w * picture.width, box.h * picture.height)
    left, right = _side_in_pixels(box.x, box.w, picture.width, margin)
    top, bottom = _side_in_pixels(box.y, box.h, picture.height, margin)
    return picture.crop((left, top, right, bottom))


def outline_box(picture: Image.Image, box: Box) -> None:
    """Draw a rectangle around a box, in place. The line is outside the box, so that it hides nothing in the box."""
    width = max(2, max(picture.size) // 300)
    left, top = box.x * picture.width, box.y * picture.height
    right, bottom = left + box.w * picture.width, top + box.h * picture.height
    if right > left and bottom > top:
        edge = (left - width, top - width, right + width, bottom + width)
        ImageDraw.Draw(picture).rectangle(edge, outline=OUTLINE_COLOUR, width=width)


def _side_in_pixels(start: float, extent: float, length: int, margin: float) -> tuple[int, int]:
    """Return one side of a box (fractions of `length`) as a range of whole pixels, at least one."""
    first = min(max(math.floor(start * length - margin), 0), length - 1)
    return first, max(min(math.ceil((start + extent) * length + margin), length), first + 1)
