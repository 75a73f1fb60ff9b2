"""Heads as PyTorch modules, from embeddings (B, D) to logits (B, C), for exporters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from alframe.types import Floats


def scaled_linear_layer(weight: Floats, bias: Floats, mean: Floats, scale: Floats) -> nn.Linear:
    """Return ``weight ((x - mean) / scale) + bias`` as one layer, folded in float64."""
    folded = weight.astype("float64") / scale
    return linear_layer(folded.astype("float32"), (bias - folded @ mean).astype("float32"))


def linear_layer(weight: Floats, bias: Floats) -> nn.Linear:
    """Return the layer with this weight (C, D) and bias (C,)."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")  # so nothing is drawn at random
    layer.weight, layer.bias = (nn.Parameter(torch.from_numpy(a.copy()), requires_grad=False) for a in (weight, bias))
    return layer


class ToUnitVectors(nn.Module):
    """Rows (B, D), scaled by ``(x - mean) / scale`` and then to length 1; rows of zeros stay zero."""

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, mean: Floats, scale: Floats) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(mean.copy()))
        self.register_buffer("scale", torch.from_numpy(scale.copy()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, D)."""
        return nn.functional.normalize((x - self.mean) / self.scale, eps=torch.finfo(torch.float32).tiny)


class TemperatureScaledLogits(nn.Module):
    """The logits of another module, divided by a temperature."""

    def __init__(self, of: nn.Module, temperature: float) -> None:
        super().__init__()
        self.of, self.temperature = of, temperature

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, C)."""
        logits: torch.Tensor = self.of(x)
        return logits / self.temperature


def scale_by_temperature(of: nn.Module, temperature: float) -> nn.Module:
    """Divide the logits of a module by a temperature; an nn.Linear stays one."""
    if not isinstance(of, nn.Linear):
        return TemperatureScaledLogits(of, temperature)
    return linear_layer((of.weight / temperature).numpy(), (of.bias / temperature).numpy())


class SummedLogits(nn.Module):
    """The sum of logits of rows (B, D) and of the same rows with length 1. It falls with the distance of the row.

    ``(weight x + unit_weight u + bias) exp(-falloff distance)``, where x is the scaled row, u is x with length 1, and
    the distance is the cosine distance to the nearest of the `references` (R, D), which have length 1.
    """

    def __init__(self, mean: Floats, scale: Floats, state: Mapping[str, Floats]) -> None:
        super().__init__()
        self.rows = scaled_linear_layer(state["weight"], state["bias"], mean, scale)
        self.unit = ToUnitVectors(mean, scale)
        self.unit_rows = linear_layer(state["unit_weight"], np.zeros_like(state["bias"]))
        references = state["references"].copy()
        # None of them is no buffer: torch.export.save fails on an array without elements that comes from NumPy.
        self.register_buffer("references", torch.from_numpy(references) if len(references) else None)
        self.falloff = float(state["falloff"][0])

    references: torch.Tensor | None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, C)."""
        unit = self.unit(x)
        logits: torch.Tensor = self.rows(x) + self.unit_rows(unit)
        if self.references is None:
            return logits
        distance = 1 - (unit @ self.references.T).amax(dim=1, keepdim=True)
        return logits * torch.exp(-self.falloff * distance)


class MeanOfProbabilities(nn.Module):
    """The logarithms of the mean probabilities of several heads."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, C)."""
        return torch.stack([member(x).softmax(dim=-1) for member in self.members]).mean(dim=0).log()
