"""The module of the loss `softmax`."""

from __future__ import annotations

import math

import torch
from torch import nn

from alframe.kit.seeding import integer_seed
from alframe.losses.softmax import Softmax, Weighting


def make_classifier(dim: int, classes: int, seed: int, recipe: Softmax) -> nn.Module:
    """Return the loss as a module, with weights from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(integer_seed(seed, "softmax"))
        return _Classifier(dim, classes, recipe)


class _Classifier(nn.Module):
    def __init__(self, dim: int, classes: int, recipe: Softmax) -> None:
        super().__init__()
        self.layer = nn.Linear(dim, classes)
        self.recipe = recipe
        self.register_buffer("weights", None)

    def set_training_labels(self, labels: torch.Tensor) -> None:
        if self.recipe.weighting != "none":
            counts = torch.bincount(labels, minlength=self.layer.out_features).double()
            self.weights = class_weights(counts, self.recipe.weighting, self.recipe.beta).to(self.layer.weight)

    def forward(self, embeddings: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        smoothing = self.recipe.label_smoothing
        return nn.functional.cross_entropy(self.layer(embeddings), labels, self.weights, label_smoothing=smoothing)


def class_weights(counts: torch.Tensor, weighting: Weighting, beta: float) -> torch.Tensor:
    """Return the weights (C,) of classes with `counts` (C,) labels: 1 on average, and 0 without labels; float64."""
    effective = -torch.expm1(counts * math.log(beta)) / (1 - beta) if beta else counts.clamp(max=1)
    inverse = torch.where(counts > 0, 1 / (counts if weighting == "balanced" else effective), 0.0)
    return inverse * (counts > 0).sum() / inverse.sum()
