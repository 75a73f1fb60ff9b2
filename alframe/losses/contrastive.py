"""Pairs of one class together, other pairs at least a margin apart."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import nn

from alframe.kit.parameters import require_one_of, require_parameter
from alframe.losses.pairs import PairLoss, squared_distances

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
        """See the Loss contract."""
        return _ContrastiveLoss("contrastive", self.margin, self.mining, seed)


class _ContrastiveLoss(PairLoss):
    def forward(self, embeddings: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
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
