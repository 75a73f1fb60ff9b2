"""A loss that pulls pairs of one class together, and pushes other pairs apart by at least a margin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from alframe.kit.parameters import require_one_of, require_parameter

if TYPE_CHECKING:
    from torch import nn

Mining = Literal["balanced", "hardest"]


class Contrastive:
    """Pull images of one class together, and push images of two classes apart until they have the distance `margin`.

    The loss is the contrastive loss (Hadsell et al. 2006), with the Euclidean distance d of two embeddings. A positive
    pair has two images of one class, and adds d². A negative pair has images of two classes, and adds max(0, `margin` -
    d)². All positive pairs are used, and the same number of negative pairs (if there are as many). The loss is the mean
    of the two means, so both kinds of pairs have the same weight.

    For a batch without positive pairs or without negative pairs, the loss and its gradient are zero. With positive
    pairs alone, the embedding would only shrink. With negative pairs alone, it would only grow.
    """

    def __init__(self, margin: float = 1.0, mining: Mining = "balanced") -> None:
        require_parameter("loss 'contrastive'", 0 < margin < float("inf"), "a number above 0", margin=margin)
        require_one_of("loss 'contrastive'", get_args(Mining), mining=mining)
        self.margin, self.mining = margin, mining

    def bind(self, dim: int, classes: int, seed: int) -> nn.Module:
        from alframe.losses.pair_modules import PairwiseContrastiveLoss

        return PairwiseContrastiveLoss("contrastive", self.margin, self.mining, seed)
