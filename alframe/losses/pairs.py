"""What the losses over pairs of images share."""

from __future__ import annotations

import torch


def squared_distances(x: torch.Tensor) -> torch.Tensor:
    """(B, B) squared Euclidean distances of the rows of `x`, never below zero."""
    norms = (x * x).sum(1)
    return (norms[:, None] + norms[None, :] - 2 * x @ x.T).clamp(min=0)
