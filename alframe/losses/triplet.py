"""A loss that makes images of other classes at least a margin farther away than images of the same class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from alframe.kit.parameters import require_one_of, require_parameter

if TYPE_CHECKING:
    from torch import nn

Mining = Literal["hard", "semi_hard", "hardest", "all"]


class Triplet:
    """Pull images of one class together until images of other classes are farther away by `margin`.

    The loss is the triplet loss max(0, margin + d(a, p) - d(a, n)) with squared Euclidean distances d (Schroff et al.
    2015). Each ordered pair of two different images of one class is an anchor a with a positive p. A negative n is an
    image of another class. A negative violates the margin if d(a, n) < d(a, p) + margin. Only such negatives are used,
    and the loss is the mean over their triplets. If there are none, the loss and its gradient are zero.
    """

    def __init__(self, margin: float = 1.0, mining: Mining = "hard") -> None:
        require_parameter("loss 'triplet'", 0 < margin < float("inf"), "a number above 0", margin=margin)
        require_one_of("loss 'triplet'", get_args(Mining), mining=mining)
        self.margin, self.mining = margin, mining

    def bind(self, dim: int, classes: int, seed: int) -> nn.Module:
        from alframe.losses.pair_modules import TripletLoss

        return TripletLoss("triplet", self.margin, self.mining, seed)
