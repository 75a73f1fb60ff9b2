"""The contract of pools, which list the images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from alframe.types import Item, ListedFolder


class Pool(Protocol):
    """A source of images and of known facts about each image.

    If the pool has labels, these images count as labelled from the start. There are two exceptions: a simulation hides
    the labels, and the labels of a `SyntheticPool` are only for simulations.
    """

    def items(self) -> Iterator[Item]:
        """Yield every image once, in the same order in each call, without reading pixels.

        Raises PoolError, naming the folder or file, the row and the remedy.
        """


@runtime_checkable
class ListsFolders(Protocol):
    """A pool that can also list its images by folder. This is faster, because it makes no object for each image."""

    def list_by_folder(self) -> Iterator[ListedFolder]:
        """Yield the images that `items` yields, in the same order. A path is a text of the form `str(Path(path))`.

        Raises PoolError, as `items` does. If a subclass overrides only `items`, this method is not used.
        """


@runtime_checkable
class SyntheticPool(Protocol):
    """A pool of generated images, for tests and first steps."""

    synthetic: bool
    """Whether the images and labels are generated, so that the labels are used only in simulations and tests."""
