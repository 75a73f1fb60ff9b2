"""The contract of samplers, which select the images most worth labelling."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from alframe.contracts.compute import Compute
from alframe.types import Floats, Need, PoolView, Selection

DEFAULT_DRAWS = 20  # samples of the probabilities for a sampler that sets no number


class Sampler(Protocol):
    """A query strategy. Its `needs` must contain each field of the view that it reads.

    `view.lazy_features[rows]` reads only these rows of the embeddings; `view.features` copies the rows of all images.
    In the same way, `view.lazy_prob_samples[rows]` computes (T, r, C) for these rows, and `view.prob_samples` holds the
    samples of all images in memory. `view.lazy_prob_samples.row_slices()` cuts the pool into slices that fit in memory.
    """

    needs: frozenset[Need]

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """Select k distinct keys of `view.keys`, the best first; 1 <= k <= n. The same rng gives the same selection."""


@runtime_checkable
class ScoresPool(Protocol):
    """A sampler that scores each item independently, and selects the items with the highest scores."""

    def score_pool(self, view: PoolView) -> Floats:
        """Return the score (n,) of each item of the view, float32. Items with higher scores are chosen first."""


@runtime_checkable
class DeclaresDraws(Protocol):
    """A sampler that sets the number of samples of the probabilities. Other samplers get `DEFAULT_DRAWS`."""

    draws: int
    """The T of `PoolView.prob_samples` (T, n, C), at least 1."""


@runtime_checkable
class UsesCompute(Protocol):
    """A sampler that uses the campaign's compute to process parts of the pool."""

    def use_compute(self, compute: Compute) -> None:
        """Receive the compute part of the campaign. Called before `select`."""


@runtime_checkable
class CheckableSampler(Protocol):
    """A sampler that can check its files and tables before any image is read."""

    def check(self) -> None:
        """Raise AlframeError if a file that a parameter names is missing or wrong. Called before a run begins."""
