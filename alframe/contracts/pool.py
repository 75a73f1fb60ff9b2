"""A pool says which images exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from alframe.types import Item


class Pool(Protocol):
    """Where images are found, with what is known about each.

    People's work begins with the labels it knows, unless it is a `SyntheticPool`.
    """

    def items(self) -> Iterator[Item]:
        """Every image once, in an order that does not change from call to call; no pixel is read.

        Raises PoolError that names the folder or file, the row and the remedy.
        """
        ...
