"""Classify from the embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from alframe.kit.parameters import require_one_of, require_parameter

if TYPE_CHECKING:
    from torch import nn

Weighting = Literal["none", "balanced", "effective"]


class Softmax:
    """Cross-entropy of a linear classifier on the embedding, which is trained with it and then dropped.

    `label_smoothing`: share of the target that is moved evenly to all classes, 0 to below 1 (Szegedy et al. 2016).
    `weighting`: how much an image of a class with n labels counts:

    - "none": each the same;
    - "balanced": as 1 / n, so that every class counts the same;
    - "effective": as (1 - beta) / (1 - beta^n), the inverse of the effective number of images (Cui et al. 2019):
      between the two, as near-duplicates of what is labelled already add little.

    `beta`: the beta of "effective", 0 to below 1.
    """

    def __init__(self, label_smoothing: float = 0.0, weighting: Weighting = "none", beta: float = 0.999) -> None:
        require_parameter("loss 'softmax'", 0 <= label_smoothing < 1, "0 to below 1", label_smoothing=label_smoothing)
        require_one_of("loss 'softmax'", get_args(Weighting), weighting=weighting)
        require_parameter("loss 'softmax'", 0 <= beta < 1, "0 to below 1", beta=beta)
        self.label_smoothing, self.weighting, self.beta = label_smoothing, weighting, beta

    def bind(self, dim: int, classes: int, seed: int) -> nn.Module:
        from alframe.losses.softmax_module import make_softmax_loss

        return make_softmax_loss(dim, classes, seed, self.label_smoothing, self.weighting, self.beta)
