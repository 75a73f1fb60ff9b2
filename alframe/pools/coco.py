"""Read the images of a COCO or COCO Camera Traps data set, with or without its labels."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alframe.errors import PoolError
from alframe.formats.coco import CocoAnnotation, CocoDataset, CocoImage, read_coco
from alframe.kit.files import id_text, read_json_members
from alframe.kit.image_paths import absolute_path
from alframe.kit.listed_images import SEVERAL_RULES, ListedImage, ListedImages
from alframe.kit.parameters import did_you_mean, require_one_of
from alframe.kit.times import TimeColumn
from alframe.types import Item

log = logging.getLogger(__name__)


@dataclass
class Coco:
    """List the images of a JSON file in the format of COCO or COCO Camera Traps, in the order of the file.

    The location of an image is its camera. Images that are marked as corrupt are left out. The images of two groups of
    locations are used only for evaluation: `test_locations`, and the locations that `split_file` lists under the name
    `test_split`.
    """

    file: str | Path
    root: str | Path | None = None
    labels: bool = True
    several: str = "skip"
    sequence_level: bool = False
    boxes: bool = False
    test_locations: Sequence[str | int] = ()
    split_file: str | Path | None = None
    test_split: str = "val"

    def __post_init__(self) -> None:
        require_one_of("pool 'coco'", SEVERAL_RULES, several=self.several)

    def items(self) -> Iterator[Item]:
        """Yield the listed images. Raises PoolError or FormatError with the file, the position and the remedy."""
        file = absolute_path(self.file)
        dataset = read_coco(file)
        listed = ListedImages(file, absolute_path(self.root or file.parent), self.several)
        listed.times = TimeColumn((image.taken for image in dataset.images.values()), with_numbers=True)
        yield from listed.items(self._make_listed_images(dataset, listed, self._held_out_locations(dataset)))

    def _make_listed_images(
        self, dataset: CocoDataset, listed: ListedImages, held_out: Collection[str]
    ) -> Iterator[ListedImage]:
        for coco_id, image in dataset.images.items():
            if image.corrupt:
                listed.count_left_out("are marked as corrupt", image.file)
                continue
            usable = self._annotations_that_label(dataset.annotations.get(coco_id, ()), image, listed)
            boxes = [each.relative_box(image.size) if self.boxes else None for each in usable]
            if self.boxes and any(each.box and not box for each, box in zip(usable, boxes, strict=True)):
                listed.note("have a box outside the image, or in pixels although their size is not known", image.file)
            if self.boxes and any(each.is_below_pixel for each in usable):
                fact = "have a box of at most one pixel (if it is in fractions of the image, call it bbox_relative)"
                listed.note(fact, image.file)
            yield ListedImage(
                image.file,
                image.position,
                [(each.category, box) for each, box in zip(usable, boxes, strict=True)],
                split="test" if image.location in held_out else "pool",
                camera=image.location,
                sequence=image.sequence,
                size=image.size,
                **listed.read_time_fields(image.taken, f"{image.position}, {image.file}"),
            )

    def _annotations_that_label(
        self, annotations: Sequence[CocoAnnotation], image: CocoImage, listed: ListedImages
    ) -> Sequence[CocoAnnotation]:
        """Return the annotations that count as labels."""
        if not self.labels:
            return ()
        if self.sequence_level:
            return annotations
        usable = [annotation for annotation in annotations if not annotation.sequence_level]
        if annotations and not usable:
            listed.note(
                "have labels of their sequence only, which are not used (pool.sequence_level=true does)", image.file
            )
        return usable

    def _held_out_locations(self, dataset: CocoDataset) -> set[str]:
        known = {image.location for image in dataset.images.values() if image.location is not None}
        test_locations = set(map(id_text, self.test_locations))
        for name in test_locations - known:
            hint = did_you_mean(name, sorted(known))
            raise PoolError(f"pool.test_locations: {self.file} has no location '{name}'.{hint}")
        if self.split_file is None:
            return test_locations
        splits = dict(read_json_members(absolute_path(self.split_file), ())).get("splits")
        if not isinstance(splits, dict) or not isinstance(splits.get(self.test_split), list):
            names = ", ".join(map(str, splits)) if isinstance(splits, dict) else "no splits"
            problem = f"has no list of locations for '{self.test_split}'; it has {names}"
            raise PoolError(f"{self.split_file} {problem}. Set pool.test_split.")
        held_out = set(map(id_text, splits[self.test_split]))
        if held_out and not held_out & known:
            raise PoolError(
                f"{self.file} has none of the {len(held_out)} locations that {self.split_file} has for "
                f"'{self.test_split}', e.g. '{min(held_out)}'. Set pool.test_split or pool.split_file."
            )
        if absent := sorted(held_out - known):
            text = "%s has no images of %d of the %d locations that %s has for '%s', e.g. '%s'."
            log.warning(text, self.file, len(absent), len(held_out), self.split_file, self.test_split, absent[0])
        return test_locations | held_out
