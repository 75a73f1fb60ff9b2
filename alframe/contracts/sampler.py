"""A sampler chooses the images most worth labelling."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from alframe.types import Need, PoolView, Selection


class Sampler(Protocol):
    """A strategy. What it reads of the view must be in `needs`.

    `view.feature_rows[rows]` reads the rows that are looked at; `view.features` copies those of the whole pool. So with
    `view.prob_sample_rows[rows]`, (T, r, C), whose `parts` go over the pool, and `view.prob_samples`.
    """

    needs: frozenset[Need]

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """Choose min(k, n) distinct ids of `view.ids`, the most wanted first; the same rng, the same answer."""
        ...
