"""Read the images of a Timelapse image set, with the times that people corrected there and the labels they gave."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alframe.formats.timelapse.data import read_records
from alframe.formats.timelapse.template import is_multi_choice
from alframe.kit.image_paths import absolute_path
from alframe.kit.listed_images import SEVERAL_RULES, ListedImage, ListedImages, camera_at_level
from alframe.kit.parameters import require_at_least, require_one_of
from alframe.kit.times import TimeColumn
from alframe.pools.folder import image_suffixes
from alframe.types import Item

_EPISODE = re.compile(r"([0-9]+):[0-9]+\|[0-9]+")  # as Timelapse fills the field: 23:1|7


@dataclass
class Timelapse:
    """List the images in the data file (.ddb) of a Timelapse image set, in the order of the file.

    Their times are the times in Timelapse, with the corrections of people. The name of a camera is the path from `root`
    to its folder. Videos, and images that are marked for deletion, are left out.
    """

    file: str | Path
    root: str | Path | None = None
    label_field: str | None = None
    several: str = "skip"
    camera_level: int | None = None
    episode_field: str | None = None

    def __post_init__(self) -> None:
        require_at_least("pool 'timelapse'", 1, camera_level=self.camera_level)
        require_one_of("pool 'timelapse'", SEVERAL_RULES, several=self.several)

    def items(self) -> Iterator[Item]:
        """Yield the listed images; raises PoolError or FormatError. Timelapse may have the file open."""
        file = absolute_path(self.file)
        listed = ListedImages(file, absolute_path(self.root or file.parent), self.several)
        fields = [name for name in (self.label_field, self.episode_field) if name]
        has_lists = self.label_field is not None and is_multi_choice(file, self.label_field)
        images: dict[str, _ImageRecords] = {}
        for record in read_records(file, ["DateTime", "DeleteFlag", *fields]):
            image = images.setdefault(record.image_path, _ImageRecords())
            if record.cells["DeleteFlag"].strip().casefold() != "true":
                image.record_id = image.record_id or record.id
                image.taken = image.taken or record.cells["DateTime"]
                image.episode = image.episode or (record.cells[self.episode_field] if self.episode_field else "")
                text = record.cells[self.label_field] if self.label_field else ""
                labels = map(str.strip, text.split(",") if has_lists else [text])
                image.labels = (*image.labels, *filter(None, labels))
        listed.times = TimeColumn(image.taken for image in images.values())
        yield from listed.items(self._make_listed_images(images, listed))

    def _make_listed_images(self, images: dict[str, _ImageRecords], listed: ListedImages) -> Iterator[ListedImage]:
        suffixes = tuple(image_suffixes())
        for image_path, image in images.items():
            if not image_path.lower().endswith(suffixes):
                listed.count_left_out("are not images", image_path)
            elif image.record_id is None:
                listed.count_left_out("are marked for deletion", image_path)
            else:
                folders = image_path.split("/")[:-1]
                episode = _EPISODE.fullmatch(image.episode.strip())
                yield ListedImage(
                    image_path,
                    f"record {image.record_id}",
                    [(label, None) for label in image.labels],
                    camera=camera_at_level(folders, self.camera_level),
                    # Timelapse counts episodes again for each selection that is filled in, which may be a folder.
                    sequence=f"{'/'.join(folders)}/ {episode[1]}" if episode else None,
                    **listed.read_time_fields(image.taken, f"record {image.record_id}, {image_path}"),
                )


@dataclass(slots=True)
class _ImageRecords:
    """The records of one image, without those that are marked for deletion. `record_id` is the Id of the first."""

    record_id: int | None = None
    taken: str = ""
    episode: str = ""
    labels: tuple[str, ...] = ()
