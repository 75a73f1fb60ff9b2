"""The facts that a head may use for its fit, in addition to embeddings and classes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from alframe.types.images import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class FitContext:
    """Facts about the m labelled images of a fit, and about images without a label.

    `is_unseen_by_backbone` (m,): fine-tuning used neither this label nor another label of its group.
    `groups` (m,): the number of the image's group, such as a burst. Images of one group look alike. So if a head
        measures its own quality on some labels, it must leave out their whole groups.
    `unlabelled` (u, D): embeddings of images without a label; empty if the head is not `UsesUnlabelled`.
    """

    is_unseen_by_backbone: Bools
    groups: Ints
    unlabelled: Floats = field(default_factory=lambda: np.empty((0, 0), np.float32))

    @classmethod
    def unknown(cls, m: int) -> Self:
        """Return the context of `m` images without any facts: all are unseen, and each is a separate group."""
        return cls(np.ones(m, np.bool_), np.arange(m))

    def take(self, rows: Ints | Bools) -> Self:
        """Return the context of some of the labelled images, with the same images without a label."""
        return replace(self, is_unseen_by_backbone=self.is_unseen_by_backbone[rows], groups=self.groups[rows])
