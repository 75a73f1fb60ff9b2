"""Functions for pools that read a list of images: merge the rows of an image, find its file, count what is left out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from alframe.class_names import class_name_key
from alframe.errors import PoolError
from alframe.formats.image_files import FoundImageFiles, describe_path_difference, find_image_files, find_name_below
from alframe.formats.path_text import quote_first
from alframe.formats.skipped import SkippedRecords
from alframe.formats.stored_pictures import is_size_of_stored_picture, read_sizes_and_orientations, turn_box
from alframe.kit.image_paths import locate_image
from alframe.kit.times import TimeColumn
from alframe.types import UTC_OFFSET, Box, Item

SEVERAL_RULES = ("skip", "first")

log = logging.getLogger(__name__)


def folder_at_level(folders: list[str], level: int | None) -> str | None:
    """Return the folder name at `level`, counted from 1; None if `level` is None or more than the number of folders."""
    return folders[level - 1] if level is not None and len(folders) >= level else None


def camera_at_level(folders: list[str], level: int | None, class_level: int | None = None) -> str | None:
    """Return the folder at `level`, counted from 1, as a path, because several sites may have folders of the same name.

    The folder at `class_level` names a class, not a site, and is left out. Returns None if `level` is None or more than
    the number of folders.
    """
    if level is None or len(folders) < level:
        return None
    return "/".join(name for at, name in enumerate(folders[:level], start=1) if at != class_level or at == level)


@dataclass(frozen=True, slots=True)
class ListedImage:
    """The facts that one row of a file gives about the image at `path`. `position` names the row, e.g. "row 3".

    `labels` are pairs (class, box). `utc_offset` is the UTC offset of `taken`; it is None if all times of the file have
    the same offset. `size` is the width and height of the picture in which the boxes were measured. It tells whether
    they were measured before or after EXIF rotates the picture.
    """

    path: str
    position: str
    labels: Sequence[tuple[str, Box | None]] = ()
    split: Literal["pool", "test"] = "pool"
    camera: str | None = None
    taken: datetime | None = None
    utc_offset: timedelta | None = None
    sequence: str | None = None
    size: tuple[float, float] | None = None

    def merge(self, later: ListedImage) -> ListedImage:
        """Return this row with the labels of the row `later` of the same image, and with the facts that only it has."""
        return replace(
            self,
            labels=(*self.labels, *later.labels),
            split="test" if "test" in (self.split, later.split) else "pool",
            camera=self.camera or later.camera,
            taken=self.taken or later.taken,
            utc_offset=self.utc_offset if self.taken else later.utc_offset,
            sequence=self.sequence or later.sequence,
            size=self.size or later.size,
        )


@dataclass
class ListedImages:
    """Make items of the images that `file` lists below the folder `root`, and log which images are left out.

    `several` is the rule for an image of several classes ("skip" or "first"). `hint` is a sentence that says where the
    images can be downloaded. `times` reads the times; its warnings are logged too.
    """

    file: Path
    root: Path
    several: str = "skip"
    hint: str = ""
    left_out: SkippedRecords = field(default_factory=SkippedRecords)
    notes: SkippedRecords = field(default_factory=SkippedRecords)
    times: TimeColumn = field(default_factory=TimeColumn)

    def count_left_out(self, reason: str, example: str) -> None:
        """Count an image that is left out. `reason` completes the sentence "N images left out, since they ..."."""
        self.left_out.add(reason, example)

    def note(self, fact: str, example: str) -> None:
        """Count an image about which users should know a fact. `fact` completes the sentence "N images that ..."."""
        self.notes.add(fact, example)

    def read_time_fields(self, text: str, position: str) -> dict[str, Any]:
        """Return `taken` and `utc_offset` of a ListedImage; `position` says where the text is, e.g. "row 3"."""
        found = self.times.read(text, position)
        return {"taken": found.time, "utc_offset": found.utc_offset if self.times.has_several_offsets else None}

    def items(self, rows: Iterable[ListedImage]) -> Iterator[Item]:
        """Yield an item for each image, in the order of the rows; rows of one image are merged.

        The label of an item is the class in its rows, or None without a class. With several classes, it is the first
        class (`several`="first"). The box is the largest box of this class. If an image has no file at its path, a file
        is used whose path differs only in case or accents. Otherwise, a file whose path ends with the same folders and
        name is used. Raises PoolError if no image is left, or if no image exists. If only some exist, this is logged.
        """
        listed = self._locate(rows)
        files = find_image_files(self.root, {id_: (row.path, path) for id_, (row, path) in listed.items()})
        merged: dict[str, tuple[ListedImage, Path]] = {}
        for listed_id, (row, path) in listed.items():
            image_id, file = files.found.get(listed_id, (listed_id, path))
            merged[image_id] = (self._merge_and_note(merged[image_id][0], row) if image_id in merged else row, file)
        self._merge_case_variants(merged)
        items = [self._make_item(image_id, path, row) for image_id, (row, path) in merged.items()]
        kept = [(item, row) for item, (row, _) in zip(items, merged.values(), strict=True) if item is not None]
        yield from self._rotate_boxes([item for item, _ in kept], [row.size for _, row in kept])
        self._report_or_raise(listed, files, is_empty=not kept)

    def _locate(self, rows: Iterable[ListedImage]) -> dict[str, tuple[ListedImage, Path]]:
        """Return the images by id, with what all rows say of each, and with the path where it is listed."""
        listed: dict[str, tuple[ListedImage, Path]] = {}
        for row in rows:
            try:
                image_id, path = locate_image(row.path, self.root, f"{self.file}, {row.position}")
            except PoolError as error:
                self.count_left_out("cannot be used", str(error))
                continue
            listed[image_id] = (self._merge_and_note(listed[image_id][0], row) if image_id in listed else row, path)
        return listed

    def _merge_case_variants(self, merged: dict[str, tuple[ListedImage, Path]]) -> None:
        """Merge images whose paths differ in case alone, where the file system takes them for one file."""
        firsts: dict[str, str] = {}
        for image_id in list(merged):
            row, path = merged[image_id]
            first = firsts.setdefault(str(path).casefold(), image_id)
            if first != image_id and _is_same_file(path, merged[first][1]):
                merged[first] = (self._merge_and_note(merged[first][0], row), merged[first][1])
                del merged[image_id]

    def _merge_and_note(self, row: ListedImage, later: ListedImage) -> ListedImage:
        where = f"{later.path} in {row.position}, {later.position}"
        self.note("are listed again; their labels count together", where)
        facts = ((row.camera, later.camera), (row.taken, later.taken), (row.sequence, later.sequence))
        if differing := [pair for pair in facts if None not in pair and pair[0] != pair[1]]:
            fact = (
                "are listed again with another camera, time or sequence; the first one counts (if these are several "
                "images, write the folder of each into its path)"
            )
            self.note(fact, f"{where}: '{differing[0][0]}' and '{differing[0][1]}'")
        return row.merge(later)

    def _make_item(self, image_id: str, path: Path, row: ListedImage) -> Item | None:
        """Return the item, or None if it is left out for its several classes."""
        spellings: dict[str, str] = {}
        for name, _ in row.labels:
            spellings.setdefault(class_name_key(name), name)
        class_names = list(spellings.values())
        if len(class_names) > 1 and self.several == "skip":
            example = f"{row.path} in {row.position}: {', '.join(class_names)}"
            self.count_left_out("have several classes (pool.several=first takes the first)", example)
            return None
        label = class_names[0] if class_names else None
        boxes = [
            box
            for name, box in row.labels
            if label and class_name_key(name) == class_name_key(label) and box is not None
        ]
        box = max(boxes, key=lambda box: box.w * box.h, default=None)
        meta = {} if row.utc_offset is None else {UTC_OFFSET: str(round(row.utc_offset.total_seconds()))}
        return Item(image_id, path, label, row.split, row.camera, row.taken, row.sequence, box, meta)

    def _rotate_boxes(self, items: Sequence[Item], sizes: Sequence[tuple[float, float] | None]) -> Iterator[Item]:
        """Yield the items; boxes that were measured in stored pictures are turned as EXIF turns these."""
        rows = [row for row, item in enumerate(items) if item.box is not None and sizes[row] is not None]
        pictures = dict(zip(rows, read_sizes_and_orientations([items[row].path for row in rows]), strict=True))
        as_stored = {
            row: is_size_of_stored_picture(picture, size)
            for row, picture in pictures.items()
            if picture is not None and (size := sizes[row])
        }
        # One program wrote the file: where a size tells nothing, it is as where sizes do.
        turned = {row for row, picture in pictures.items() if picture is not None and picture.orientation > 1}
        told = {answer for row, answer in as_stored.items() if answer is not None and row in turned}
        for row, item in enumerate(items):
            answer = as_stored.get(row, False)
            if answer is None and len(told) != 1:
                fact = (
                    "EXIF turns or mirrors have boxes, which are taken as boxes in the upright picture (no size tells)"
                )
                self.note(fact, item.id)
            picture = pictures.get(row)
            if picture is not None and item.box is not None and (True in told if answer is None else answer):
                yield replace(item, box=turn_box(item.box, picture.orientation))
            else:
                yield item

    def _report_or_raise(
        self, listed: Mapping[str, tuple[ListedImage, Path]], files: FoundImageFiles, is_empty: bool
    ) -> None:
        """Log which images are not where they are listed; raise PoolError if none is left, or if none exists."""
        for skipped, intro in ((self.left_out, "images left out, because they "), (self.notes, "images that ")):
            skipped.warn(log, self.file, intro)
        for warning in self.times.warnings():
            log.warning("%s: %s", self.file, warning)
        if is_empty:
            reasons = [
                f"{count} {reason}, e.g. {self.left_out.examples[reason]}"
                for reason, count in self.left_out.counts.items()
            ]
            raise PoolError(f"{self.file} lists no image that can be used{': ' * bool(reasons)}{'; '.join(reasons)}.")
        absent = [*files.ambiguous, *files.missing]
        if len(absent) == len(listed):
            raise PoolError(self._explain_none_exists(*listed[absent[0]], len(listed), files))
        if files.prefixes:
            log.warning(
                "%s: paths that begin with %s are looked for below %s.",
                self.file,
                quote_first(files.prefixes),
                self.root,
            )
        spelled_otherwise = [id_ for id_, (file_id, _) in files.found.items() if file_id == id_]
        if otherwise := [id_ for id_ in spelled_otherwise if listed[id_][1].is_relative_to(self.root)]:
            text = "%s: %d images have another case or other accents on the disk than in the list, e.g. %s."
            row, file = listed[otherwise[0]][0], files.found[otherwise[0]][1]
            log.warning(text, self.file, len(otherwise), describe_path_difference(row.path, file))
        for ids, what in (
            (files.ambiguous, "could be several files below %s"),
            (files.missing, "do not exist below %s"),
        ):
            if ids:
                row = listed[ids[0]][0]
                text = f"%s: %d of %d images {what}, e.g. '%s' in %s."
                log.warning(text, self.file, len(ids), len(listed), self.root, row.path, row.position)

    def _explain_none_exists(self, row: ListedImage, first: Path, count: int, files: FoundImageFiles) -> str:
        text = f"None of the {count} images that {self.file} lists exists. The first would be {first}.{self.hint}"
        if files.contested:
            text += (
                f" If pool.root ({self.root}) replaced {quote_first(files.contested)}, two rows would name the same "
                "file."
            )
            return f"{text} Delete the rows of all but one of these folders."
        if files.rejected:
            text += (
                f" They would exist if pool.root replaced {quote_first(files.rejected)}, but that folder looks like "
                "another season."
            )
        elif not {"/", "\\"} & set(row.path) and (file := find_name_below(self.root, row.path.strip())):
            return (
                f"{text} But there is {file}. If it is that image, write its folder into the path, as '{file}'. If "
                f"all images are in that folder, set pool.root to it instead (now {self.root})."
            )
        return (
            f"{text} Set pool.root (now {self.root}) to the folder that the paths are relative to. If the paths "
            f"are of another computer, set it to the folder with the same subfolders."
        )


def _is_same_file(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:  # not there
        return False
