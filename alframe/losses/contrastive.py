"""Pairs of one class together, other pairs at least a margin apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from alframe.kit.parameters import require_one_of, require_parameter

if TYPE_CHECKING:
    from torch import nn

Mining = Literal["balanced", "hardest"]


class Contrastive:
    """The contrastive loss: d^2 of a positive pair, max(0, margin - d)^2 of a negative one (Hadsell et al. 2006).

    d is the Euclidean distance. Every pair of two different images of one class is positive. The loss is the mean of
    the two kinds' means, so that both weigh the same. A batch without positive or without negative pairs gives a zero
    whose gradient is zero: the one kind alone would only shrink or inflate the embedding.

    `margin`: distance from which on a negative pair costs nothing, above 0.
    `mining`: which pairs of two classes are the negative ones, as many as there are positive ones:
        "balanced", at random; "hardest", the nearest ones, which are more sensitive to wrong labels.
    """

    def __init__(self, margin: float = 1.0, mining: Mining = "balanced") -> None:
        require_parameter("loss 'contrastive'", 0 < margin < float("inf"), "a number above 0", margin=margin)
        require_one_of("loss 'contrastive'", get_args(Mining), mining=mining)
        self.margin, self.mining = margin, mining

    def bind(self, dim: int, classes: int, seed: int) -> nn.Module:
        from alframe.losses.pair_modules import PairwiseContrastiveLoss

        return PairwiseContrastiveLoss("contrastive", self.margin, self.mining, seed)
