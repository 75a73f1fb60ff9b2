"""The module of the loss `softmax`."""

from __future__ import annotations

import math

import torch
from torch import nn

from alframe.kit.seeding import integer_seed


def make_softmax_loss(
    dim: int, classes: int, seed: int, label_smoothing: float, weighting: str, beta: float
) -> nn.Module:
    """Return the loss as a module, with weights from `seed`; see `alframe.losses.softmax`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(integer_seed(seed, "softmax"))
        return _SoftmaxLoss(dim, classes, label_smoothing, weighting, beta)


class _SoftmaxLoss(nn.Module):
    def __init__(self, dim: int, classes: int, label_smoothing: float, weighting: str, beta: float) -> None:
        super().__init__()
        self.layer = nn.Linear(dim, classes)
        self.label_smoothing, self.weighting, self.beta = label_smoothing, weighting, beta
        self.register_buffer("weights", None)

    def set_training_labels(self, labels: torch.Tensor) -> None:
        if self.weighting != "none":
            counts = torch.bincount(labels, minlength=self.layer.out_features).double()
            self.weights = class_weights(counts, self.weighting, self.beta).to(self.layer.weight)

    def forward(self, embeddings: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        smoothing = self.label_smoothing
        return nn.functional.cross_entropy(self.layer(embeddings), labels, self.weights, label_smoothing=smoothing)


def class_weights(counts: torch.Tensor, weighting: str, beta: float) -> torch.Tensor:
    """Return the weights (C,) of classes with `counts` (C,) labels: 1 on average, and 0 without labels; float64."""
    effective = -torch.expm1(counts * math.log(beta)) / (1 - beta) if beta else counts.clamp(max=1)
    inverse = torch.where(counts > 0, 1 / (counts if weighting == "balanced" else effective), 0.0)
    return inverse * (counts > 0).sum() / inverse.sum()
