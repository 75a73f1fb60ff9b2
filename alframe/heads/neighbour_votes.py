"""The votes of the head `knn` as a PyTorch module."""

from __future__ import annotations

import torch
from torch import nn

from alframe.types import Floats, Ints


class NeighbourVotes(nn.Module):
    """The votes of the `k` nearest of the labelled `rows` (m, D), which have length 1 and the classes `labels` (m,).

    A neighbour whose squared distance is larger than the smallest by d has exp(-`decay` d) votes. `smoothing` votes are
    divided among the classes with labels.
    """

    rows: torch.Tensor
    ballots: torch.Tensor
    smoothing: torch.Tensor

    def __init__(self, rows: Floats, labels: Ints, classes: int, k: int, decay: float, smoothing: float) -> None:
        super().__init__()
        ballots = nn.functional.one_hot(torch.from_numpy(labels.copy()), classes).float()
        occurs = ballots.any(dim=0)
        self.register_buffer("rows", torch.from_numpy(rows.copy()))
        self.register_buffer("ballots", ballots)
        self.register_buffer("smoothing", occurs * smoothing / occurs.sum())
        self.k, self.decay = min(k, len(rows)), decay

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logarithms of the votes (B, C) for `x` (B, D) of length 1."""
        nearest, neighbours = (x @ self.rows.T).topk(self.k, dim=1)  # cosines c; squared distances are 2 - 2 c
        votes = (2 * self.decay * (nearest - nearest[:, :1])).exp()
        return ((votes.unsqueeze(2) * self.ballots[neighbours]).sum(dim=1) + self.smoothing).log()
