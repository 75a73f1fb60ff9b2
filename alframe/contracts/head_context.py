"""What heads may learn from besides embeddings and classes, and the files that they may need."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from alframe.types import FitContext, Floats, Ints


@runtime_checkable
class UsesFitContext(Protocol):
    """A head that learns from more than embeddings and classes, for example to calibrate its probabilities."""

    def fit_with_context(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, context: FitContext) -> None:
        """Fit as `fit` does, which is the same as with `FitContext.unknown`.

        What the head measures on labels it measures on those that are unseen: an embedding trained on a label gives it
        away.
        """


@runtime_checkable
class UsesUnlabelled(UsesFitContext, Protocol):
    """A head that also learns from images without a label. It can be fitted if there are no such images, too."""

    max_unlabelled: int
    """At most so many rows are in the context's `unlabelled`, drawn at random: it bounds memory and time."""


@runtime_checkable
class TakesWeights(Protocol):
    """A head that accepts a weight for each example."""

    def fit_weighted(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, weights: Floats) -> None:
        """Fit as `fit` does, where each example counts `weights` (m,) times; all are above 0.

        What the head measures on examples that it has left out, it may measure on each of them once, left out whole.
        """


@runtime_checkable
class CheckableHead(Protocol):
    """A head that can check, before any image is read, the files that its parameters name."""

    def check(self) -> None:
        """Raise AlframeError for what its parameters name and is missing or wrong; called before a run begins."""
