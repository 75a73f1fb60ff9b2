"""Precision, recall, F1 and log loss: what scikit-learn computes, without the seconds of its import."""

from __future__ import annotations

import numpy as np

from alframe.types import Floats, Floats64, Ints

SMALLEST_PROBABILITY = float(np.finfo(np.float32).eps)  # so much a class costs of which the head has never heard


def count_confusion(actual: Ints, predicted: Ints, classes: int) -> Ints:
    """Return (classes, classes) how many images of each true class (rows) are predicted as each class (columns)."""
    return np.bincount(actual * classes + predicted, minlength=classes**2).reshape(classes, classes)


def precision_recall_f1(
    actual: Ints, predicted: Ints, classes: int, weights: Floats64
) -> tuple[Floats64, Floats64, Floats64]:
    """Return the precision, the recall and the F1 (classes,) of each class; 0 where there is nothing to divide by.

    An image (n,) counts for its weight (n,).
    """
    is_right = actual == predicted
    right = np.bincount(actual[is_right], weights[is_right], classes)
    are, said = np.bincount(actual, weights, classes), np.bincount(predicted, weights, classes)
    return _divide(right, said), _divide(right, are), _divide(2 * right, are + said)


def log_loss(probs: Floats, actual: Ints, weights: Floats64) -> float:
    """Return the mean of -log of the probability of the `actual` class (n,) in `probs` (n, C), by `weights` (n,)."""
    smallest = np.float32(SMALLEST_PROBABILITY)
    of_actual = np.clip(probs[np.arange(len(actual)), actual], smallest, 1 - smallest)
    return float(np.average(-np.log(of_actual), weights=weights))


def _divide(parts: Floats64 | Ints, wholes: Floats64 | Ints) -> Floats64:
    return np.divide(parts, wholes, out=np.zeros(parts.shape), where=wholes != 0)
