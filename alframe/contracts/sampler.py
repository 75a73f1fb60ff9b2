"""The contract of samplers, which select the images most worth labelling."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from alframe.contracts.compute import Compute
from alframe.types import Floats, Need, PoolView, Selection

DEFAULT_DRAWS = 20  # samples of the probabilities for a sampler that does not say how many


class Sampler(Protocol):
    """A query strategy. Its `needs` must contain each field of the view that it reads.

    `view.lazy_features[rows]` reads these rows of the embeddings only; `view.features` copies those of the whole pool.
    In the same way `view.lazy_prob_samples[rows]` makes (T, r, C) for these rows, its `row_slices()` go over the pool,
    and `view.prob_samples` holds all of it in memory. `DeclaresDraws` says how many samples there are.
    """

    needs: frozenset[Need]

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """Select k distinct keys of `view.keys`, most wanted first; 1 <= k <= n. The same rng gives the same answer."""


@runtime_checkable
class ScoresPool(Protocol):
    """A sampler that scores each item independently, and selects the items with the highest scores."""

    def score_pool(self, view: PoolView) -> Floats:
        """Return the score (n,) of each item of the view, float32, higher for more wanted."""


@runtime_checkable
class DeclaresDraws(Protocol):
    """A sampler that says how many samples of the probabilities it needs; others get `DEFAULT_DRAWS`."""

    draws: int
    """The T of `PoolView.prob_samples` (T, n, C), at least 1."""


@runtime_checkable
class UsesCompute(Protocol):
    """A sampler that uses the campaign's compute to process parts of the pool."""

    def use_compute(self, compute: Compute) -> None:
        """Take the compute; called before `select`."""


@runtime_checkable
class CheckableSampler(Protocol):
    """A sampler that can check its files and tables before any image is read."""

    def check(self) -> None:
        """Raise AlframeError for what its parameters name and is missing or wrong; called before a run begins."""
