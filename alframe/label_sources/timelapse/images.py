"""The images of a round for Timelapse: their names in the set, and links, copies or conversions."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, count
from pathlib import Path, PurePosixPath

from PIL import ExifTags, Image, UnidentifiedImageError

from alframe.errors import PoolError
from alframe.formats.timelapse.folders import TEMPLATE_NAME, is_timelapse_or_system_name
from alframe.kit.files import class_folder_name, hash_if_readable
from alframe.kit.progress import track
from alframe.kit.round_folders import (
    MANIFEST,
    ManifestRow,
    read_manifest,
    take_free_name,
    windows_name_key,
    write_manifest,
)
from alframe.kit.round_images import box_to_show, encode_jpeg, outline_box, place_image
from alframe.kit.viewing import open_for_viewing
from alframe.types import Item, ItemId, Problem

UNREADABLE_HASH = "-"  # in place of the hash of an image that could not be read
_JPEG_MARK = b"\xff\xd8\xff"


def choose_names(items: Iterable[Item], taken: Iterable[str] = ()) -> dict[ItemId, str]:
    """Return a path in the set for each item: its path in the pool, changed to a unique `.jpg` for Windows."""
    taken_names = set(map(windows_name_key, taken))
    names = {}
    for item in items:
        path, box_suffix = (
            PurePosixPath(item.image_id),
            f"_box{item.id.rpartition('#')[2]}" if "box" in item.meta else "",
        )
        folders = [_safe_name(part) for part in path.parts[:-1] if part not in ("/", "..")]
        suffix = path.suffix if path.suffix.casefold() == ".jpg" else ".jpg"
        stem = (path.stem or "image") + box_suffix
        stems = chain([stem], (f"{stem}_{number}" for number in count(2)))
        names[item.id] = take_free_name(
            ("/".join([*folders, _safe_name(candidate + suffix)]) for candidate in stems), taken_names
        )
    return names


def merge_with_manifest(folder: Path, items: Sequence[Item]) -> tuple[list[ManifestRow], list[Problem]]:
    """Return the images in the manifest of the folder, then the items that it lacks; and its problems."""
    images, problems = read_manifest(folder)
    listed = {image.id for image in images}
    names = choose_names((item for item in items if item.id not in listed), (image.name for image in images))
    return images + [ManifestRow(name, item) for item, name in names.items()], problems


def complete_manifest(folder: Path, items: Sequence[Item], was_complete: bool) -> list[ManifestRow]:
    """Add the items that the manifest lacks, and return all its images. Raises OSError.

    `was_complete`: the manifest was complete before, so somebody has removed the missing items.
    """
    images, problems = merge_with_manifest(folder, items)
    paths = {item.id: item.path for item in items}
    if problems or not all(image.hash for image in images):
        for index, image in enumerate(track(images, "Reading the images of the round", unit="img")):
            if not image.hash:
                path = paths.get(image.id)
                content = hash_if_readable(path) if path else None  # if there is none, place_jpeg() says why
                images[index] = replace(image, hash=content or UNREADABLE_HASH, reissued=was_complete)
        write_manifest(folder, images)
    return images


def place_jpeg(item: Item, target: Path, link: bool) -> str:
    """Put the image into the set if it is not there; return the reason why it cannot be shown, or "".

    A JPEG does not change. Other images become a JPEG and keep their EXIF data. Raises OSError for errors of the disk,
    but not for errors of the image.
    """
    if target.exists():
        return ""
    try:
        with item.path.open("rb") as handle:
            is_jpeg = handle.read(3) == _JPEG_MARK
    except OSError as error:
        return error.strerror or str(error)
    try:
        place_image(item.path, target, link, None if is_jpeg and not box_to_show(item) else _draw_jpeg(item))
    except OSError as error:
        if error.errno is not None:
            raise
        return str(error)
    except PoolError as error:
        return str(error)
    return ""


def _draw_jpeg(item: Item) -> bytes:
    """Return the upright picture as a JPEG, with the EXIF data of the camera if these can be written."""
    picture = open_for_viewing(item.path)
    if box := box_to_show(item):
        outline_box(picture, box)
    # An array, or a TIFF of many bands, is unidentified; EXIF that cannot be written raises any of the others.
    no_exif = (UnidentifiedImageError, ValueError, TypeError, KeyError, AttributeError)
    # Pillow's remarks on odd metadata help nobody who labels.
    with warnings.catch_warnings(action="ignore"), suppress(*no_exif), Image.open(item.path) as image:
        exif = image.getexif()
        exif.pop(ExifTags.Base.Orientation, None)
        return encode_jpeg(picture, exif.tobytes())
    return encode_jpeg(picture)


def _safe_name(part: str) -> str:
    name = class_folder_name(part)
    if is_timelapse_or_system_name(name) or name.casefold() in {MANIFEST, TEMPLATE_NAME.casefold()}:
        name = f"%{ord(name[0]):02X}{name[1:]}"
    return name
