"""The sampler `random`: all images are equally probable."""

from __future__ import annotations

import numpy as np

from alframe.types import Need, PoolView, Selection


class Random:
    """Draw images at random without replacement. All images are equally probable."""

    needs: frozenset[Need] = frozenset()

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        return Selection(view.keys[rng.permutation(len(view))[:k]])
