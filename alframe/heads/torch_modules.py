"""Heads as PyTorch modules, from embeddings (B, D) to logits (B, C), for exporters."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from alframe.types import Floats


def scaled_linear(weight: Floats, bias: Floats, mean: Floats, scale: Floats) -> nn.Linear:
    """Return ``weight ((x - mean) / scale) + bias`` as one layer, folded in float64."""
    folded = weight.astype("float64") / scale
    return linear(folded.astype("float32"), (bias - folded @ mean).astype("float32"))


def linear(weight: Floats, bias: Floats) -> nn.Linear:
    """Return the layer with this weight (C, D) and bias (C,)."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")  # so nothing is drawn at random
    layer.weight, layer.bias = (nn.Parameter(torch.from_numpy(a.copy()), requires_grad=False) for a in (weight, bias))
    return layer


class UnitVectors(nn.Module):
    """Rows (B, D) scaled as ``(x - mean) / scale`` and brought to length 1; rows of zeros stay zero."""

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, mean: Floats, scale: Floats) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(mean.copy()))
        self.register_buffer("scale", torch.from_numpy(scale.copy()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, D)."""
        return nn.functional.normalize((x - self.mean) / self.scale, eps=torch.finfo(torch.float32).tiny)


class DividedLogits(nn.Module):
    """The logits of another module, divided by a temperature."""

    def __init__(self, of: nn.Module, temperature: float) -> None:
        super().__init__()
        self.of, self.temperature = of, temperature

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, C)."""
        logits: torch.Tensor = self.of(x)
        return logits / self.temperature


def divided_logits(of: nn.Module, temperature: float) -> nn.Module:
    """Divide the logits of a module by a temperature; an nn.Linear stays one."""
    if not isinstance(of, nn.Linear):
        return DividedLogits(of, temperature)
    return linear((of.weight / temperature).numpy(), (of.bias / temperature).numpy())


class MeanOfProbabilities(nn.Module):
    """The logarithms of the mean probabilities of several heads."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, C)."""
        return torch.stack([member(x).softmax(dim=-1) for member in self.members]).mean(dim=0).log()
