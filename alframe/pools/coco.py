"""The images of a COCO or COCO Camera Traps data set, with or without its labels."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from alframe.errors import PoolError
from alframe.formats.coco import CocoAnnotation, CocoImage, read_coco
from alframe.formats.coco import CocoDataset as Content
from alframe.formats.json_members import read_json_members
from alframe.kit.image_paths import absolute_path
from alframe.kit.listed_images import ListedImages, largest_box, require_several_rule
from alframe.registry import did_you_mean
from alframe.types import Item


class Coco:
    """The images that the JSON `file` lists, below `root` (default: the file's folder), in the file's order.

    With `labels` an image's annotations are its class, if they agree; if not, `several` decides: skip leaves the image
    out, first takes the first. Annotations that hold for a whole sequence only count with `sequence_level`. With
    `boxes` the largest box of that class is looked at. The location is the camera. The images of `test_locations`, and
    of those that `split_file` ({"splits": {name: [locations]}}) has under `test_split`, are kept for evaluation.
    Images marked as corrupt are left out.
    """

    def __init__(
        self,
        file: str | Path,
        root: str | Path | None = None,
        labels: bool = True,
        several: str = "skip",
        sequence_level: bool = False,
        boxes: bool = False,
        test_locations: Sequence[str | int] = (),
        split_file: str | Path | None = None,
        test_split: str = "val",
    ) -> None:
        self.file = Path(file)
        self.root = None if root is None else Path(root)
        self.labels = labels
        self.several = require_several_rule(several)
        self.sequence_level = sequence_level
        self.boxes = boxes
        self.test_locations = tuple(map(str, test_locations))
        self.split_file = None if split_file is None else Path(split_file)
        self.test_split = test_split

    def items(self) -> Iterator[Item]:
        """The listed images; raises PoolError or FormatError naming the file, the place and the remedy.

        An image that is missing on disk is no error here, but that all are missing is.
        """
        file = absolute_path(self.file)
        content = read_coco(file)
        listed = ListedImages(file, absolute_path(self.root) if self.root else file.parent, self.several)
        if content.strays:
            listed.notes["have annotations but are not listed"] = content.strays
        yield from listed.finish(self._items(content, listed, self._held_out(content)))

    def _items(self, content: Content, listed: ListedImages, held_out: Collection[str]) -> Iterator[Item]:
        for key, image in content.images.items():
            if image.corrupt:
                listed.left_out["are marked as corrupt"] += 1
                continue
            usable = self._usable(content.annotations.get(key, ()), listed)
            taken, label = listed.choose_label(one.category for one in usable)
            if taken:
                yield self._item(image, label, usable, listed, held_out)

    def _usable(self, annotations: Sequence[CocoAnnotation], listed: ListedImages) -> Sequence[CocoAnnotation]:
        if not self.labels:
            return ()
        if self.sequence_level:
            return annotations
        usable = [one for one in annotations if not one.sequence_level]
        if annotations and not usable:
            listed.notes["have labels of their sequence only, which are not used (pool.sequence_level=true does)"] += 1
        return usable

    def _item(
        self,
        image: CocoImage,
        label: str | None,
        usable: Sequence[CocoAnnotation],
        listed: ListedImages,
        held_out: Collection[str],
    ) -> Item:
        image_id, path = listed.locate(image.file, image.place)
        boxes = (one.fractions(image.size) for one in usable if one.category == label)
        return Item(
            id=image_id,
            path=path,
            label=label,
            split="test" if image.location in held_out else "pool",
            camera=image.location,
            taken=image.taken,
            sequence=image.sequence,
            box=largest_box(boxes) if self.boxes else None,
        )

    def _held_out(self, content: Content) -> set[str]:
        known = {image.location for image in content.images.values() if image.location is not None}
        for name in self.test_locations:
            if name not in known:
                raise PoolError(
                    f"pool.test_locations: {self.file} has no location '{name}'.{did_you_mean(name, sorted(known))}"
                )
        return {*self.test_locations, *self._split()}

    def _split(self) -> Iterator[str]:
        if self.split_file is None:
            return
        splits = dict(read_json_members(absolute_path(self.split_file), ())).get("splits")
        if not isinstance(splits, dict) or not isinstance(splits.get(self.test_split), list):
            names = ", ".join(map(str, splits)) if isinstance(splits, dict) else "no splits"
            raise PoolError(
                f"{self.split_file} has no list of locations for '{self.test_split}'; it has {names}. "
                f"Set pool.test_split."
            )
        yield from map(str, splits[self.test_split])
