"""A fitted head of alframe, as scikit-activeml's strategies read a classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from skactiveml.base import SkactivemlClassifier

from alframe.errors import UnmetNeed
from alframe.types import Floats, Predict

Array = npt.NDArray[Any]


class FittedHead(SkactivemlClassifier):  # type: ignore[misc]  # scikit-activeml has no types
    """A classifier whose probabilities are those of a head that is fitted already; the classes are 0..`count`-1.

    Strategies expect two classes at least: beside a single one there is a second one of probability 0.
    """

    def __init__(self, predict: Predict, count: int) -> None:
        self.classes_ = np.arange(max(count, 2))
        super().__init__(classes=self.classes_, missing_label=-1)
        self.predict_head, self.count = predict, count

    def __deepcopy__(self, memo: dict[int, Any]) -> FittedHead:
        return self  # nothing in it changes, and a copy of the head costs memory

    def fit(self, x: Array, y: Array, sample_weight: Array | None = None) -> FittedHead:
        """Raise UnmetNeed: alframe has fitted the head, and a strategy that refits its classifier needs another one."""
        raise UnmetNeed(
            "This strategy of scikit-activeml fits its classifier again. Set sampler.classifier to one of "
            "skactiveml.classifier, e.g. sampler.classifier=ParzenWindowClassifier."
        )

    def predict_proba(self, x: Array) -> Floats:
        """Return the head's probabilities (n, C) of `x` (n, D)."""
        probs = self.predict_head(np.asarray(x, np.float32))
        return np.pad(probs, ((0, 0), (0, len(self.classes_) - self.count)))

    def predict(self, x: Array) -> Array:
        """Return the likeliest class (n,) of each row of `x` (n, D)."""
        return np.asarray(self.predict_proba(x).argmax(axis=1))


class Committee(FittedHead):
    """A classifier that gives the draws (T, n, C) of a head instead: strategies call `sample_proba`."""

    def __init__(self, x: Floats, samples: Callable[[], Floats], count: int) -> None:
        super().__init__(lambda rows: self.sample_proba(rows).mean(axis=0), count)
        self.x, self.samples = x, samples

    def sample_proba(self, x: Array) -> Floats:
        """Return the draws (T, n, C). Raises UnmetNeed for rows other than the candidates, which have no draws."""
        if not np.array_equal(x, self.x):
            raise UnmetNeed("The strategy asks for draws of other images than the candidates: it cannot be used here.")
        return np.pad(self.samples(), ((0, 0), (0, 0), (0, len(self.classes_) - self.count)))
