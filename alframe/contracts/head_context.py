"""Optional abilities of heads: to learn from more data than embeddings and classes, and to check their files."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from alframe.types import FitContext, Floats, Ints


@runtime_checkable
class UsesFitContext(Protocol):
    """A head that learns from more than embeddings and classes, for example to calibrate its probabilities."""

    def fit_with_context(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, context: FitContext) -> None:
        """Fit as `fit` does, with more facts about the images. With `FitContext.unknown`, the result is that of `fit`.

        If the head measures its own quality, it uses only unseen labels, because an embedding that was trained on a
        label reveals this label.
        """


@runtime_checkable
class UsesUnlabelled(UsesFitContext, Protocol):
    """A head that also learns from images without a label. It can also be fitted without such images."""

    max_unlabelled: int
    """The largest number of rows of `FitContext.unlabelled`, which are drawn at random. It limits memory and time."""


@runtime_checkable
class TakesWeights(Protocol):
    """A head that accepts a weight for each example."""

    def fit_weighted(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, weights: Floats) -> None:
        """Fit as `fit` does, where each example counts `weights` (m,) times. All weights are above 0.

        If the head leaves out examples to measure its own quality, it may leave out and measure each of them once.
        """


@runtime_checkable
class CheckableHead(Protocol):
    """A head that can check, before any image is read, the files that its parameters name."""

    def check(self) -> None:
        """Raise AlframeError if a file that a parameter names is missing or wrong. Called before a run begins."""
