"""Same class near, other classes at least a margin farther."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from alframe.kit.parameters import require_one_of, require_parameter

if TYPE_CHECKING:
    from torch import nn

Mining = Literal["hard", "semi_hard", "hardest", "all"]


class Triplet:
    """The triplet loss max(0, margin + d(a, p) - d(a, n)) on squared Euclidean distances (Schroff et al. 2015).

    Every ordered pair of two different images of one class is an anchor a with a positive p. Negatives n are images of
    any other class. The loss is the mean over the triplets; without any (one class, no class twice, or all well apart)
    it is a zero whose gradient is zero.

    `margin`: how much farther than the positive a negative must be to cost nothing, above 0.
    `mining`: which negatives are taken for a pair:

    - "hard": one at random among those that violate the margin, d(a, n) < d(a, p) + margin;
    - "semi_hard": one at random among those that violate the margin but are farther than the positive,
      d(a, p) < d(a, n) < d(a, p) + margin, which cannot collapse the embedding to a point early on;
    - "hardest": the nearest one, if it violates the margin;
    - "all": every one that violates the margin ("batch all, non-zero mean" of Hermans et al. 2017).
    """

    def __init__(self, margin: float = 1.0, mining: Mining = "hard") -> None:
        require_parameter("loss 'triplet'", 0 < margin < float("inf"), "a number above 0", margin=margin)
        require_one_of("loss 'triplet'", get_args(Mining), mining=mining)
        self.margin, self.mining = margin, mining

    def bind(self, dim: int, classes: int, seed: int) -> nn.Module:
        from alframe.losses.pair_modules import TripletLoss

        return TripletLoss("triplet", self.margin, self.mining, seed)
