"""Classify from the embedding."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import nn

from alframe.kit.parameters import require_one_of, require_parameter
from alframe.kit.seeding import integer_seed

Weighting = Literal["none", "balanced", "effective"]


class Softmax:
    """Cross-entropy of a linear classifier on the embedding, which is trained with it and then dropped.

    `label_smoothing`: share of the target that is moved evenly to all classes, 0 to below 1 (Szegedy et al. 2016).
    `weighting`: how much an image of a class with n labels counts:

    - "none": each the same;
    - "balanced": as 1 / n, so that every class counts the same;
    - "effective": as (1 - beta) / (1 - beta^n), the inverse of the effective number of images (Cui et al. 2019):
      between the two, as near-duplicates of what is labelled already add little.

    `beta`: the beta of "effective", 0 to below 1.
    """

    def __init__(self, label_smoothing: float = 0.0, weighting: Weighting = "none", beta: float = 0.999) -> None:
        require_parameter("loss 'softmax'", 0 <= label_smoothing < 1, "0 to below 1", label_smoothing=label_smoothing)
        require_one_of("loss 'softmax'", get_args(Weighting), weighting=weighting)
        require_parameter("loss 'softmax'", 0 <= beta < 1, "0 to below 1", beta=beta)
        self.label_smoothing, self.weighting, self.beta = label_smoothing, weighting, beta

    def bind(self, dim: int, classes: int, seed: int) -> nn.Module:
        """See the Loss contract."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(integer_seed(seed, "softmax"))
            return _Classifier(dim, classes, self)


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
