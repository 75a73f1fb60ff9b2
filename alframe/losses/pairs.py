"""What losses over pairs share."""

from __future__ import annotations

import torch
from torch import nn

from alframe.kit.seeding import integer_seed


class PairLoss(nn.Module):
    """A loss over pairs; draws come from `seed` and `name`, on the CPU whatever the device: the same everywhere."""

    def __init__(self, name: str, margin: float, mining: str, seed: int) -> None:
        super().__init__()
        self.margin, self.mining = margin, mining
        self._generator = torch.Generator().manual_seed(integer_seed(seed, name))


def squared_distances(x: torch.Tensor) -> torch.Tensor:
    """Return the squared Euclidean distances (B, B) of the rows of `x` (B, D), none below zero."""
    norms = (x * x).sum(1)
    return (norms[:, None] + norms[None, :] - 2 * x @ x.T).clamp(min=0)
