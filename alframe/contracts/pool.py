"""The contract of pools, which list the images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from alframe.types import Item, ListedFolder


class Pool(Protocol):
    """A source of images and of known facts about each image.

    The labels that it knows count from the start, unless it is a `SyntheticPool` or the campaign a simulation.
    """

    def items(self) -> Iterator[Item]:
        """Yield every image once, in an order that does not change from call to call; no pixel is read.

        Raises PoolError, naming the folder or file, the row and the remedy.
        """


@runtime_checkable
class ListsFolders(Protocol):
    """A pool that can also list its images by folder. This is faster, because it makes no object for each image."""

    def list_by_folder(self) -> Iterator[ListedFolder]:
        """Yield the images that `items` yields, in the same order; paths are in the form of `str(Path(path))`.

        Raises PoolError, as `items` does. It is not used where a subclass or an object has an `items` of its own, but
        no `list_by_folder`.
        """


@runtime_checkable
class SyntheticPool(Protocol):
    """A pool of generated images, for tests and first steps."""

    synthetic: bool
    """Whether its labels are a truth that nobody knows at the start, which serves simulations and tests only.

    The labels of other pools count as given from the start, unless the campaign is a simulation.
    """
