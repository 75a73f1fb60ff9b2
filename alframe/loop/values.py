"""What the phases of a round hand on to each other."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alframe.contracts import Head
from alframe.engine.embedding.embed_pool import PoolEmbedding
from alframe.engine.embedding.embedder import Embedder
from alframe.engine.fit import TrainingSet
from alframe.engine.listing.pool_listing import PoolListing
from alframe.errors import LabelError
from alframe.loop.labels import Labels
from alframe.store.events import Event
from alframe.types import Ints, Selection


@dataclass(frozen=True, slots=True)
class Answered:
    """All labels there are; `round_number` counts the requests that are closed, 0 before the first answer."""

    labels: Labels
    round_number: int


@dataclass(frozen=True, slots=True)
class Embedded:
    """The listed items with the features that `embedder` made of them.

    `replaced`: items that show something else than when they were asked for; nothing is learned from them.
    `representatives` (N,): the item that stands for each, often itself; None: near-duplicates are not looked for.
    """

    listing: PoolListing
    embedder: Embedder
    embedding: PoolEmbedding
    replaced: Set[int] = frozenset()
    representatives: Ints | None = None

    @property
    def represented(self) -> npt.NDArray[np.bool_]:
        """(N,) whether another item stands for this one."""
        if self.representatives is None:
            return np.zeros(len(self.listing.items), bool)
        represented: npt.NDArray[np.bool_] = self.representatives != np.arange(len(self.representatives))
        return represented

    @property
    def near_held_out(self) -> npt.NDArray[np.bool_]:
        """(N,) whether this item of the pool shows nearly what a held-out one shows: a test with it would be none."""
        in_pool = self.listing.in_pool
        return (
            np.zeros(len(in_pool), bool) if self.representatives is None else in_pool & ~in_pool[self.representatives]
        )


@dataclass(frozen=True, slots=True)
class Candidates:
    """The `keys` (n,) of what may be asked for now, of near-duplicates one; and how many images are `unlabelled`."""

    keys: Ints
    unlabelled: int


@dataclass(frozen=True, slots=True)
class Fitted:
    """The labelled images and the head fitted on them; `head` is None while they are of fewer than two classes."""

    embedded: Embedded
    training: TrainingSet
    head: Head | None

    def require_head(self) -> Head:
        """Return the head. Raises LabelError if there are too few labels for one."""
        if self.head is None:
            raise LabelError(
                "There is no model to export yet: it takes labels of at least two classes. Label more and run again."
            )
        return self.head


@dataclass(frozen=True, slots=True)
class Chosen:
    """A batch before anybody is asked: its images in order, which were drawn at random, and what is known of it."""

    round_number: int
    selection: Selection
    audit: Set[int]
    events: list[Event]
