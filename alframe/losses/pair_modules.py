"""The modules of losses over pairs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from alframe.kit.seeding import integer_seed


class PairLoss(nn.Module):
    """A loss over pairs. Draws depend only on `seed` and `name`: they are made on the CPU for all devices."""

    def __init__(self, name: str, margin: float, mining: str, seed: int) -> None:
        super().__init__()
        self.margin, self.mining = margin, mining
        self._generator = torch.Generator().manual_seed(integer_seed(seed, name))


class PairwiseContrastiveLoss(PairLoss):
    """See `alframe.losses.contrastive`."""

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of `embeddings` (B, D) with class numbers `labels` (B,)."""
        squared = squared_distances(embeddings)
        first, second = torch.triu_indices(len(labels), len(labels), 1, device=labels.device)
        same = labels[first] == labels[second]
        positive, negative = same.nonzero().flatten(), (~same).nonzero().flatten()
        zero = 0.0 * embeddings.sum()  # with a gradient
        if not len(positive) or not len(negative):
            return zero
        count = min(len(positive), len(negative))
        if self.mining == "hardest":
            chosen = negative[squared.detach()[first[negative], second[negative]].topk(count, largest=False).indices]
        else:
            chosen = negative[torch.randperm(len(negative), generator=self._generator)[:count].to(negative.device)]
        # From the rows themselves: the root of a difference of large squares has no usable gradient near zero.
        distances = torch.linalg.vector_norm(embeddings[first[chosen]] - embeddings[second[chosen]], dim=1)
        push = nn.functional.relu(self.margin - distances).square().mean()
        return (squared[first[positive], second[positive]].mean() + push) / 2 + zero


class TripletLoss(PairLoss):
    """See `alframe.losses.triplet`."""

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of `embeddings` (B, D) with class numbers `labels` (B,)."""
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
        """Return which negatives (pairs, B) form a triplet with each pair, among those that violate the margin."""
        if self.mining == "all":
            return violating
        if self.mining == "hardest":
            return _largest_allowed(-to_negative, violating)
        if self.mining == "semi_hard":
            violating = violating & (to_negative > to_positive)
        random_score = torch.rand(violating.shape, generator=self._generator).to(violating.device)
        return _largest_allowed(random_score, violating)


def squared_distances(x: Tensor) -> Tensor:
    """Return the squared Euclidean distances (B, B) of the rows of `x` (B, D), none below zero."""
    norms = (x * x).sum(1)
    return (norms[:, None] + norms[None, :] - 2 * x @ x.T).clamp(min=0)


def _largest_allowed(score: Tensor, allowed: Tensor) -> Tensor:
    """Return a mask of the allowed entry with the largest score in each row. Rows without allowed entries have none."""
    if allowed.shape[0] == 0:
        return allowed
    best = score.masked_fill(~allowed, -torch.inf).argmax(1, keepdim=True)
    return torch.zeros_like(allowed).scatter_(1, best, True) & allowed
