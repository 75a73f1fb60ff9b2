"""Classify from the embedding."""

from __future__ import annotations

import torch
from torch import nn

from alframe.errors import BadParams
from alframe.seeding import number


class Softmax:
    """A linear classifier on the embedding, trained with it by cross-entropy and then dropped.

    `label_smoothing` in 0..1 moves that share of the target evenly to all classes (Szegedy et al. 2016).
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        if not 0 <= label_smoothing < 1:
            raise BadParams(f"loss 'softmax': label_smoothing is {label_smoothing}, but must be in 0 to below 1.")
        self.label_smoothing = label_smoothing

    def bind(self, dim: int, classes: int, seed: int) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(number(seed, "softmax"))
            return _Classifier(dim, classes, self.label_smoothing)


class _Classifier(nn.Module):
    def __init__(self, dim: int, classes: int, label_smoothing: float) -> None:
        super().__init__()
        self.layer = nn.Linear(dim, classes)
        self.label_smoothing = label_smoothing

    def forward(self, embeddings: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(self.layer(embeddings), labels, label_smoothing=self.label_smoothing)
