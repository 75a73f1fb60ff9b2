"""What all heads share: checked and scaled examples, and classes that have none."""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import StandardScaler

from alframe.errors import AlframeError
from alframe.types import Floats, Ints

ROWS = 8192  # of the pool at a time, so that a memory-mapped pool is never copied whole


def prepare(x: Floats, y: Ints) -> tuple[Floats, Floats, Floats, Ints, Ints]:
    """Scaled `x` (m, D), the `mean` (D,) and `scale` (D,) used, the classes present (P,), and `y` as 0..P-1.

    A feature that never changes has scale 1. Raises AlframeError when there is no example, or one that is not finite.
    """
    if not len(x):
        raise AlframeError("The head has no labelled images to learn from. Label at least one.")
    bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if len(bad):
        raise AlframeError(
            f"The embeddings of {len(bad)} of the {len(x)} labelled images are not finite numbers (first: number "
            f"{bad[0]}). The fine-tuning probably diverged: lower its learning rate, or embed without it."
        )
    scaler = StandardScaler().fit(x)
    mean, scale = scaler.mean_.astype(np.float32), scaler.scale_.astype(np.float32)
    present, target = np.unique(y, return_inverse=True)
    return (np.asarray(x, np.float32) - mean) / scale, mean, scale, present, target


def spread(weight: Floats, bias: Floats, present: Ints, classes: int) -> tuple[Floats, Floats]:
    """A last layer over the P classes present, (P, D) and (P,), as one over all; a class without examples gets 0."""
    all_weight = np.zeros((classes, weight.shape[1]), np.float32)
    all_bias = np.full(classes, -np.inf, np.float32)
    all_weight[present], all_bias[present] = weight, bias
    return all_weight, all_bias


def softmax(logits: Floats) -> Floats:
    """Along the last axis; a logit of minus infinity gives exactly 0."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)
