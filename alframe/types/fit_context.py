"""What a head may know beside embeddings and classes when it is fitted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from alframe.types.images import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class FitContext:
    """Facts about the m labelled images of a fit, and about images without a label.

    `is_unseen_by_backbone` (m,): the embedding was not fine-tuned on this label, nor on another one of its group.
    `groups` (m,): the number of its group, such as a burst. Images of one group look alike: a head that measures itself
        on some labels leaves out their whole groups.
    `unlabelled` (u, D): embeddings of images without a label; none for a head that does not ask for them.
    """

    is_unseen_by_backbone: Bools
    groups: Ints
    unlabelled: Floats = field(default_factory=lambda: np.empty((0, 0), np.float32))

    @classmethod
    def unknown(cls, m: int) -> Self:
        """Return the context of `m` images about which nothing is known: each is unseen, and a group of its own."""
        return cls(np.ones(m, np.bool_), np.arange(m))

    def take(self, rows: Ints | Bools) -> Self:
        """Return the context of some of the labelled images, with the same images without a label."""
        return replace(self, is_unseen_by_backbone=self.is_unseen_by_backbone[rows], groups=self.groups[rows])
