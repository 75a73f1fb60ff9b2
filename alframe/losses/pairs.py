"""Distances of all pairs of a batch, for losses over pairs."""

from __future__ import annotations

import torch


def squared_distances(x: torch.Tensor) -> torch.Tensor:
    """Return the squared Euclidean distances (B, B) of the rows of `x` (B, D), none below zero."""
    norms = (x * x).sum(1)
    return (norms[:, None] + norms[None, :] - 2 * x @ x.T).clamp(min=0)
