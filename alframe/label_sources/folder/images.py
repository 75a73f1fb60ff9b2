"""Put images into a round's folder, and find the requested item of each file there."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import count
from pathlib import Path

from alframe.errors import PoolError
from alframe.kit.files import content_hash, hash_if_readable, is_system_file, ranked_file_name
from alframe.kit.progress import Bar
from alframe.kit.round_folders import (
    MANIFEST,
    ManifestRow,
    read_manifest,
    take_free_name,
    windows_name_key,
    write_manifest,
)
from alframe.kit.round_images import box_to_show, crop_box, encode_jpeg, place_image
from alframe.kit.viewing import needs_conversion, open_for_viewing
from alframe.types import Item

MAX_DEPTH = 5  # how deep folders are searched; a folder linked into itself would otherwise never end


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file in the round's folder.

    `folders` are the folders that contain it (outermost first), and `image` is its image in the manifest, if any.
    `linked`: it is in another place, and the folder contains a link to its folder.
    """

    file: Path
    folders: tuple[str, ...]
    image: ManifestRow | None
    linked: bool


def complete_folder(folder: Path, items: Sequence[Item], link: bool, was_complete: bool) -> None:
    """Put the missing items into the folder. Raises OSError.

    `was_complete`: the folder once had all items, so somebody has removed the missing images.
    """
    listed, problems = read_manifest(folder)
    images = listed + _name_new_images(listed, items)
    present = {found.image.id for found in identify_files(folder, images) if found.image}
    if was_complete:
        images = [image if image.id in present else replace(image, reissued=True) for image in images]
    if images != listed or problems:
        write_manifest(folder, images)
    names = {image.id: image.name for image in images}
    missing = [item for item in items if item.id not in present]
    with Bar("Putting the images in place", len(missing), "img") as bar:
        for item in missing:
            drawn = _draw_jpeg(item) if _must_be_drawn(item) else None
            size = place_image(item.path, folder / names[item.id], link, drawn)
            bar.advance(read=size, written=size)


def identify_files(folder: Path, images: Sequence[ManifestRow]) -> list[FoundFile]:
    """Return the image of each file in the round's folder, by its name, or by its content if it was renamed."""
    by_name = {windows_name_key(image.name): image for image in images}
    by_hash: dict[str | None, list[ManifestRow]] = defaultdict(list)
    for image in images:
        by_hash[image.hash].append(image)
    sizes = {image.size for image in images}
    files = list(_walk_files_noting_links(folder))
    seen_by_name = {by_name.get(windows_name_key(file.name)) for file, _ in files}
    found = []
    for file, linked in files:
        # Where several rounds are sorted into one place, their images may have the same names.
        known = None if linked else by_name.get(windows_name_key(file.name))
        size = _size_of(file)
        if known is None or size != known.size:
            may_be_known = size in sizes or not all(sizes)  # old manifests have no sizes
            same_content = by_hash.get(hash_if_readable(file), []) if may_be_known else []
            if len(same_content) > 1:  # two images are alike to the byte: it is the one that is nowhere else, if one is
                same_content = [other for other in same_content if other not in seen_by_name]
            known = same_content[0] if len(same_content) == 1 else known
        found.append(FoundFile(file, file.relative_to(folder).parts[:-1], known, linked))
    return found


def _name_new_images(listed: Sequence[ManifestRow], items: Sequence[Item]) -> list[ManifestRow]:
    """Return new rows of the manifest, for the items that it does not list yet."""
    listed_ids = {image.id for image in listed}
    taken = {windows_name_key(image.name) for image in listed}
    width = max(3, len(str(len(items))))
    images = []
    for rank, item in enumerate(items, start=1):
        if item.id in listed_ids:
            continue
        drawn = _must_be_drawn(item)
        path = item.path.with_suffix(".jpg") if drawn else item.path
        name = take_free_name((ranked_file_name(number, width, path) for number in count(rank, len(items))), taken)
        if drawn:
            jpeg = _draw_jpeg(item)
            images.append(ManifestRow(name, item.id, blake2b(jpeg, digest_size=16).hexdigest(), str(len(jpeg))))
        else:
            images.append(ManifestRow(name, item.id, content_hash(item.path), str(item.path.stat().st_size)))
    return images


def _must_be_drawn(item: Item) -> bool:
    return box_to_show(item) is not None or needs_conversion(item.path)


def _draw_jpeg(item: Item) -> bytes:
    """Draw an image that viewers cannot show, or the box of the item, as a JPEG. Raises OSError."""
    try:
        picture = open_for_viewing(item.path)
    except PoolError as error:
        raise OSError(f"{item.path}: {error}") from error
    box = box_to_show(item)
    if box is not None:
        picture = crop_box(picture, box)
    return encode_jpeg(picture)


def _walk_files_noting_links(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Yield the files in the folder, and whether each is in a linked folder."""
    real = os.path.realpath(folder)
    for parent, folders, names in os.walk(folder, followlinks=True):
        parts = Path(parent).relative_to(folder).parts
        linked = os.path.normcase(os.path.realpath(parent)) != os.path.normcase(Path(real, *parts))
        folders[:] = sorted(name for name in folders if not is_system_file(name)) if len(parts) < MAX_DEPTH else []
        for name in sorted(names):
            if not is_system_file(name) and not (name == MANIFEST and not parts):
                yield Path(parent) / name, linked


def _size_of(file: Path) -> str | None:
    try:
        return str(file.stat().st_size)
    except OSError:
        return None
