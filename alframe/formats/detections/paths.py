"""Join the entries of a detector with the images of a pool, and count unmatched entries and images."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alframe.errors import FormatError
from alframe.formats.detections.columns import Detections
from alframe.formats.detections.read import read_detections
from alframe.formats.matching import ImageMatcher, PathMatches
from alframe.formats.path_table import AMBIGUOUS, NOT_FOUND
from alframe.formats.path_text import normalise_path, quote_first
from alframe.formats.stored_pictures import Rectangles, read_sizes_and_orientations, turn_boxes
from alframe.types import Floats64, Ints, Item, pool_root

log = logging.getLogger(__name__)
_UNREADABLE = "its boxes are in pixels, and its size cannot be read from the image"


def match_detections(items: Sequence[Item], file: Path, consequence: str) -> tuple[Detections, Ints]:
    """Read the detections of these images. Return them, and (n,) the number of each item's image in them, or -1.

    The paths of `file` may be absolute, or relative to the pool's root or to the file's folder. Paths of another
    computer are matched by their ends, if this is possible in only one way (`formats.matching`). All boxes become
    fractions of the upright picture. The log says how many images have no entry, with a sentence about the
    `consequence`, and how many entries have no image. Raises FormatError if no image is found.
    """
    detections = read_detections(file)
    paths = [*detections.image_numbers, *detections.failures]
    matches = ImageMatcher(items).match(paths, file.parent)
    entries, contested = _choose_entries(items, paths, matches.numbers, len(detections.image_numbers))
    if items and paths and not (entries >= 0).any():
        raise FormatError(_explain_no_match(items, paths, matches, file, contested))
    if matches.prefixes:
        log.warning("%s: alframe replaces %s by the root of the pool.", file, quote_first(matches.prefixes))
    number_of_entry = np.full(len(paths) + 1, NOT_FOUND)  # the last one stands for "no entry"
    number_of_entry[: len(detections.image_numbers)] = list(detections.image_numbers.values())
    detections = turn_boxes_upright(detections, items, number_of_entry[entries])
    is_usable = np.fromiter((path in detections.image_numbers for path in paths), bool, len(paths))
    number_of_entry[:-1][~is_usable] = NOT_FOUND
    numbers = number_of_entry[entries]
    missing = np.flatnonzero(numbers < 0).tolist()
    if missing:
        text = f"{len(missing)} of {len(items)} images have no entry in {file}, e.g. '{items[missing[0]].id}'"
        if failed := [paths[entries[row]] for row in missing if entries[row] >= 0]:
            text += f" ({len(failed)} failed there, e.g. '{failed[0]}': {detections.failures.get(failed[0])})"
        if contested:
            example = items[contested[0]].id
            text += f" ({len(contested)} have several that differ in upper and lower case, e.g. {example})"
        log.warning("%s. %s", text, consequence)
    _warn_of_unmatched_entries(items, paths, matches, file)
    return detections, numbers


def _choose_entries(
    items: Sequence[Item], paths: Sequence[str], numbers: Ints, processed_count: int
) -> tuple[Ints, list[int]]:
    """Return (n,) the entry of each item, or -1, and the items with several entries that differ only in case.

    The first `processed_count` paths are images that were processed; the others have failed. If an item has several
    entries, those with the same case as the item count, and among these the last one that was processed.
    """
    found = np.flatnonzero(numbers >= 0)
    order = np.concatenate([found[found >= processed_count], found[found < processed_count]])
    entries = np.full(len(items), NOT_FOUND)
    entries[numbers[order]] = order  # the last one counts
    contested = []
    for number in np.flatnonzero(np.bincount(numbers[found], minlength=len(items)) > 1).tolist():
        rows = order[numbers[order] == number].tolist()
        exact = [row for row in rows if _ends_alike(paths[row], items[number].id)]
        processed = [row for row in rows if row < processed_count] or rows
        if exact:
            entries[number] = exact[-1]
        elif len({_end_of_path(paths[row], items[number].id) for row in processed}) > 1:
            entries[number] = NOT_FOUND
            contested.append(number)
    return entries, contested


def _end_of_path(path: str, item_id: str) -> str:
    """Return the end of the path: its name, and as many folders as the id has."""
    return "/".join(normalise_path(path).split("/")[-1 - item_id.count("/") :])


def _ends_alike(path: str, item_id: str) -> bool:
    ends = [normalise_path(text).split("/")[::-1] for text in (path, item_id)]
    return all(one == other for one, other in zip(*ends, strict=False) if one.casefold() == other.casefold())


def _explain_no_match(
    items: Sequence[Item], paths: Sequence[str], matches: PathMatches, file: Path, contested: Sequence[int]
) -> str:
    text = (
        f"None of the {len(paths)} images in {file} is in the pool. The first image there is '{paths[0]}', the first "
        f"image of the pool '{items[0].id}'."
    )
    if contested:
        return (
            f"{text} {len(contested)} images have several entries that differ in upper and lower case, e.g. "
            f"'{items[contested[0]].id}'. Keep one entry of each."
        )
    if matches.contested:
        return (
            f"{text} They would match if the pool's folder {pool_root(items)} replaced {quote_first(matches.contested)}"
            ", but in more than one way. Rename the pool's folder as in the file, or delete the other entries from the "
            "file."
        )
    if matches.rejected:
        return (
            f"{text} They would match if the pool's folder {pool_root(items)} replaced {quote_first(matches.rejected)}"
            ", but that folder looks like another season or card, or has other files on this computer. Use a file with "
            "the detections of your images. If they are the same images, delete this beginning from the paths in the "
            "file."
        )
    return (
        f"{text} Use the detections of these images. If this file has them, put it into the folder to which its paths "
        "are relative."
    )


def _warn_of_unmatched_entries(items: Sequence[Item], paths: Sequence[str], matches: PathMatches, file: Path) -> None:
    for meaning, what in (
        (NOT_FOUND, "match no image in the pool, e.g. '%s'."),
        (
            AMBIGUOUS,
            "match several images of the pool, or several match one image, e.g. '%s'. They are not used. Give the "
            "pool's "
            f"folder {pool_root(items)} its name in the file, or delete the other entries from the file.",
        ),
    ):
        rows = np.flatnonzero(matches.numbers == meaning)
        if len(rows):
            log.warning("%d of the %d entries in %s " + what, len(rows), len(paths), file, paths[rows[0]])


def turn_boxes_upright(detections: Detections, items: Sequence[Item], numbers: Ints) -> Detections:
    """Return the detections with all boxes of these items as fractions of the upright pictures.

    `numbers` (n,) are the items' images in `detections`, or below 0. If the boxes are in pixels, boxes of other images
    are left out, and an image whose header cannot be read counts as failed.
    """
    if detections.frame == "upright":
        return detections
    has_boxes = np.diff(detections.starts) > 0
    rows = [row for row in np.flatnonzero(numbers >= 0).tolist() if has_boxes[numbers[row]]]
    pictures = dict(
        zip(numbers[rows].tolist(), read_sizes_and_orientations([items[row].path for row in rows]), strict=True)
    )
    sizes = np.full((len(has_boxes), 2), np.nan)
    orientations = np.ones(len(has_boxes), np.int64)
    for number, picture in pictures.items():
        if picture is not None:
            sizes[number] = picture.width, picture.height
            orientations[number] = picture.orientation
    images = np.repeat(np.arange(len(has_boxes)), np.diff(detections.starts))
    box = detections.box
    if detections.frame == "pixels":
        upright = np.where((orientations >= 5)[:, None], sizes[:, ::-1], sizes)
        is_upright = _reaches_outside(box, sizes[images], images) & ~_reaches_outside(box, upright[images], images)
        orientations[images[is_upright]] = 1
        box = box / np.tile(np.where(is_upright[:, None], upright[images], sizes[images]), 2)
    paths = {number: path for path, number in detections.image_numbers.items()}
    unreadable = {number for number, picture in pictures.items() if picture is None and detections.frame == "pixels"}
    return replace(
        detections,
        frame="upright",
        box=turn_boxes(box, orientations[images]),
        failures=detections.failures | {paths[number]: _UNREADABLE for number in unreadable},
        image_numbers={
            path: number
            for path, number in detections.image_numbers.items()
            if detections.frame == "stored" or not has_boxes[number] or number in pictures.keys() - unreadable
        },
    )


def _reaches_outside(box: Rectangles, sizes: Floats64, images: Ints) -> npt.NDArray[np.bool_]:
    """Return (n,) whether a box of the image ends more than 2 % outside, so that the boxes are of another picture."""
    outside = (box[:, :2] + box[:, 2:] > 1.02 * sizes + 1).any(axis=1)
    return np.bincount(images, weights=outside, minlength=len(images) and images.max() + 1)[images] > 0
