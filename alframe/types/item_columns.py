"""Many images by columns, so that a field of a million images is read without making an object for each image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, overload

from alframe.types.images import Box, Item

Split = Literal["pool", "test"]


class ListedFolder(NamedTuple):
    """The images of a folder: the ids and paths (n,) as texts, and the facts that all of them share."""

    ids: list[str]
    paths: list[str]
    label: str | None
    split: Split
    camera: str | None


@dataclass(frozen=True, eq=False)
class ItemColumns(Sequence[Item]):
    """Items stored as a list (n,) for each field of Item. An Item is made when it is first read. `paths` are texts."""

    ids: list[str]
    paths: list[str]
    labels: list[str | None]
    splits: list[Split]
    cameras: list[str | None]
    taken: list[datetime | None]
    sequences: list[str | None]
    boxes: list[Box | None]
    metas: list[Mapping[str, str]]
    _made: dict[int, Item] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, items: Iterable[Item]) -> ItemColumns:
        """Return these items by columns. ItemColumns are returned unchanged."""
        if isinstance(items, ItemColumns):
            return items
        items = list(items)
        columns = cls(
            [item.id for item in items],
            [str(item.path) for item in items],
            [item.label for item in items],
            [item.split for item in items],
            [item.camera for item in items],
            [item.taken for item in items],
            [item.sequence for item in items],
            [item.box for item in items],
            [item.meta for item in items],
        )
        columns._made.update(enumerate(items))
        return columns

    @classmethod
    def of_folders(cls, folders: Iterable[ListedFolder]) -> ItemColumns:
        """Return the images of all folders by columns."""
        columns = cls([], [], [], [], [], [], [], [], [])
        for folder in folders:
            count = len(folder.ids)
            columns.ids.extend(folder.ids)
            columns.paths.extend(folder.paths)
            columns.labels.extend([folder.label] * count)
            columns.splits.extend([folder.split] * count)
            columns.cameras.extend([folder.camera] * count)
        for column in columns._columns()[5:8]:
            column.extend([None] * len(columns))
        columns.metas.extend([{}] * len(columns))
        return columns

    @property
    def image_ids(self) -> list[str]:
        """(n,) the `image_id` of each item."""
        pairs = zip(self.ids, self.metas, strict=True)
        return [id_.rpartition("#")[0] if "box" in meta else id_ for id_, meta in pairs]

    def extended(self, items: Iterable[Item]) -> ItemColumns:
        """Return the columns with more items at the end."""
        pairs = zip(self._columns(), ItemColumns.of(items)._columns(), strict=True)
        return ItemColumns(*(column + more for column, more in pairs))

    def at(self, places: Sequence[int]) -> ItemColumns:
        """Return the columns of the items at these places."""
        return ItemColumns(*([column[place] for place in places] for column in self._columns()))

    def _columns(self) -> list[list[Any]]:
        names: list[list[Any]] = [self.ids, self.paths, self.labels, self.splits, self.cameras]
        return [*names, self.taken, self.sequences, self.boxes, self.metas]

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, key: int) -> Item: ...
    @overload
    def __getitem__(self, key: slice) -> list[Item]: ...
    def __getitem__(self, key: int | slice) -> Item | list[Item]:
        indices = range(len(self))[key]
        return [self._read(index) for index in indices] if isinstance(indices, range) else self._read(indices)

    def _read(self, index: int) -> Item:
        if index not in self._made:
            id_, path, *rest = (column[index] for column in self._columns())
            self._made[index] = Item(id_, Path(path), *rest)
        return self._made[index]
