"""The objective of the labels: the accuracy over all images, or the mean over all classes."""

from __future__ import annotations

import numpy as np

from alframe.kit.parameters import require_parameter
from alframe.types import Floats

OBJECTIVES = ("accuracy", "macro")


def require_known_objective(part: str, objective: str) -> None:
    """Raise BadParams unless `objective` is one of OBJECTIVES; `part` names the part, as in `require_parameter`."""
    require_parameter(part, objective in OBJECTIVES, " or ".join(OBJECTIVES), objective=objective)


def objective_weights(objective: str, probs: Floats) -> Floats:
    """Return the weight of each image for the objective (n,), 1 on average, from its class `probs` (n, C).

    For "accuracy", all images have the same weight. For "macro", all classes have the same weight: the weight of an
    image is 1 / the share of its class in the pool. The class and the shares are known only from the probabilities of
    the head, so the expected value of 1 / share is taken. To each share, the share of one image is added, so that the
    weight of a class that the head never predicts is not infinite.
    """
    if objective == "accuracy":
        return np.ones(len(probs), np.float32)
    shares = probs.mean(axis=0, dtype=np.float64) + 1 / max(len(probs), 1)
    weights = probs @ (1 / shares).astype(np.float32)
    return np.asarray(weights / weights.mean(dtype=np.float64), np.float32)
