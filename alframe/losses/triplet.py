"""Same class near, other classes at least a margin farther."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import nn

from alframe.errors import BadParams
from alframe.kit.seeding import integer_seed
from alframe.losses.pairs import squared_distances

Mining = Literal["hard", "semi_hard", "hardest", "all"]


class Triplet:
    """The triplet loss max(0, margin + d(a, p) - d(a, n)) on squared Euclidean distances (Schroff et al. 2015).

    Every ordered pair of two different images of one class is an anchor a with a positive p. `mining` chooses the
    negatives n, images of any other class, for the pair:

    - "hard": one at random among those that violate the margin, d(a, n) < d(a, p) + margin;
    - "semi_hard": one at random among those that violate the margin but are farther than the positive,
      d(a, p) < d(a, n) < d(a, p) + margin, which cannot collapse the embedding to a point early on;
    - "hardest": the nearest one, if it violates the margin;
    - "all": every one that violates the margin ("batch all, non-zero mean" of Hermans et al. 2017).

    The loss is the mean over the triplets found; without any (one class, no class twice, or all well apart) it is a
    zero whose gradient is zero.
    """

    def __init__(self, margin: float = 1.0, mining: Mining = "hard") -> None:
        if not 0 < margin < float("inf"):
            raise BadParams(f"loss 'triplet': margin is {margin}, but must be above 0.")
        if mining not in get_args(Mining):
            raise BadParams(f"loss 'triplet': mining is '{mining}'; it can be {', '.join(get_args(Mining))}.")
        self.margin = margin
        self.mining = mining

    def bind(self, dim: int, classes: int, seed: int) -> nn.Module:
        return _TripletLoss(self.margin, self.mining, seed)


class _TripletLoss(nn.Module):
    def __init__(self, margin: float, mining: Mining, seed: int) -> None:
        super().__init__()
        self.margin = margin
        self.mining = mining
        # On the CPU whatever the device: the same draws everywhere.
        self._chance = torch.Generator().manual_seed(integer_seed(seed, "triplet"))

    def forward(self, embeddings: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        distances = squared_distances(embeddings)
        same = labels[:, None] == labels[None, :]
        anchors, positives = torch.nonzero(same.fill_diagonal_(False), as_tuple=True)
        other = labels[anchors, None] != labels[None, :]  # (pairs, B)
        to_positive = distances[anchors, positives][:, None]  # (pairs, 1)
        to_negative = distances[anchors]  # (pairs, B)
        slack = self.margin + to_positive - to_negative
        with torch.no_grad():
            wanted = self._wanted(other & (slack > 0), to_positive, to_negative)
        # The sum of nothing is a zero with a gradient; `embeddings` keeps it in the graph without any pair.
        return slack[wanted].sum() / wanted.sum().clamp(min=1) + 0.0 * embeddings.sum()

    def _wanted(self, violating: torch.Tensor, to_positive: torch.Tensor, to_negative: torch.Tensor) -> torch.Tensor:
        """Which (pair, negative) are triplets, (pairs, B) bool."""
        if self.mining == "all":
            return violating
        if self.mining == "hardest":
            return _largest(-to_negative, violating)
        if self.mining == "semi_hard":
            violating = violating & (to_negative > to_positive)
        chance = torch.rand(violating.shape, generator=self._chance).to(violating.device)
        return _largest(chance, violating)


def _largest(score: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    """In each row the allowed entry with the largest score, as a mask; none where nothing is allowed."""
    if allowed.shape[0] == 0:
        return allowed
    best = score.masked_fill(~allowed, -torch.inf).argmax(1, keepdim=True)
    return torch.zeros_like(allowed).scatter_(1, best, True) & allowed
