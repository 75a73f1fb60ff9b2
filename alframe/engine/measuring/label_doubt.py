"""Find labels that are probably wrong, by the predictions of models that have not seen them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from alframe.contracts import Head
from alframe.engine.measuring.evaluate import predict_by_groups
from alframe.types import FitContext, Floats, Ints

_LOWEST = 1e-12  # probability: one model alone rules out no class


def predict_without_own_label(
    make_head: Callable[[], Head], x: Floats, y: Ints, context: FitContext, classes: int, rng: np.random.Generator
) -> Floats:
    """Return (m, classes) the probabilities of labelled images by models that have not seen their labels.

    Each image is predicted twice. One model has seen no other image of its group either, so that it finds a burst in
    which all labels are wrong. The other has seen the rest of the group, so that it finds a single wrong image. The
    result is the geometric mean of both (a logarithmic opinion pool: Genest and Zidek 1986). It is not normalised: the
    sum of a row is less than 1 if both disagree, and 0 if all other labels are of one class. `y` (m,) are class
    numbers.
    """
    apart = predict_by_groups(make_head, x, y, context, classes, rng)
    if len(np.unique(context.groups)) == len(y):
        return apart
    alone = replace(context, groups=np.arange(len(y)))
    together = predict_by_groups(make_head, x, y, alone, classes, rng)
    pooled: Floats = np.sqrt(np.maximum(apart, _LOWEST) * np.maximum(together, _LOWEST))
    pooled[(apart.sum(axis=1) == 0) | (together.sum(axis=1) == 0)] = 0
    return pooled


def rank_doubtful(probs: Floats, y: Ints) -> Ints:
    """Return the rows whose label `y` (m,) is not the best class of `probs` (m, C), the least probable label first.

    This is the order by self-confidence of Northcutt, Jiang and Chuang (2021), "Confident learning". Rows of zeros are
    left out, because nothing is known about them.
    """
    given = probs[np.arange(len(y)), y]
    doubtful = np.flatnonzero(given < probs.max(axis=1, initial=0))
    return np.asarray(doubtful[np.argsort(given[doubtful], kind="stable")], np.int64)
