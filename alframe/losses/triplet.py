"""Same class near, other classes at least a margin farther."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from alframe.kit.parameters import require_one_of, require_parameter
from alframe.losses.pairs import PairLoss, squared_distances

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
        """See the Loss contract."""
        return _TripletLoss("triplet", self.margin, self.mining, seed)


class _TripletLoss(PairLoss):
    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        distances = squared_distances(embeddings)
        same = labels[:, None] == labels[None, :]
        anchors, positives = torch.nonzero(same.fill_diagonal_(False), as_tuple=True)
        other = labels[anchors, None] != labels[None, :]  # (pairs, B)
        to_positive = distances[anchors, positives][:, None]  # (pairs, 1)
        to_negative = distances[anchors]  # (pairs, B)
        slack = self.margin + to_positive - to_negative
        with torch.no_grad():
            selected = self._select_triplets(other & (slack > 0), to_positive, to_negative)
        # The sum of nothing is a zero with a gradient; `embeddings` keeps it in the graph without any pair.
        return slack[selected].sum() / selected.sum().clamp(min=1) + 0.0 * embeddings.sum()

    def _select_triplets(self, violating: Tensor, to_positive: Tensor, to_negative: Tensor) -> Tensor:
        """Return which negatives (pairs, B) make a triplet with each pair, out of those `violating` the margin."""
        if self.mining == "all":
            return violating
        if self.mining == "hardest":
            return _largest(-to_negative, violating)
        if self.mining == "semi_hard":
            violating = violating & (to_negative > to_positive)
        random_score = torch.rand(violating.shape, generator=self._generator).to(violating.device)
        return _largest(random_score, violating)


def _largest(score: Tensor, allowed: Tensor) -> Tensor:
    """Return a mask of the allowed entry with the largest score in each row; none where nothing is allowed."""
    if allowed.shape[0] == 0:
        return allowed
    best = score.masked_fill(~allowed, -torch.inf).argmax(1, keepdim=True)
    return torch.zeros_like(allowed).scatter_(1, best, True) & allowed
