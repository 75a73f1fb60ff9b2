"""Everything from a picture to probabilities as one PyTorch module."""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import nn

from alframe.contracts import ExportableHead, ExportableModel
from alframe.errors import AlframeError
from alframe.types import InputSpec

_FILTERS = {"bicubic": ("bicubic", True), "bilinear": ("bilinear", True), "nearest": ("nearest-exact", False)}
_GREY = (19595, 38470, 7471)  # of 65536: what Pillow takes of red, green and blue (ITU-R 601-2)


class StandaloneNetwork(nn.Module):
    """From RGB pixels (B, H, W, 3) uint8 of any size to probabilities (B, C) and embeddings (B, D), float32.

    A picture is squashed to a square as Pillow does it (antialiased, first in width, then in height, each rounded to
    whole numbers), normalised, and given to the network and the head.
    """

    mean: torch.Tensor
    std: torch.Tensor
    grey: torch.Tensor

    def __init__(self, network: nn.Module, logits: nn.Module, spec: InputSpec) -> None:
        super().__init__()
        self.network, self.logits, self.size, self.channels = network, logits, spec.size, spec.channels
        self.mode, self.antialias = _FILTERS[spec.interpolation]
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, -1, 1, 1) * 255)
        self.register_buffer("std", torch.tensor(spec.std).view(1, -1, 1, 1) * 255)
        self.register_buffer("grey", torch.tensor(_GREY).view(1, 3, 1, 1) / 65536)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the probabilities and the embeddings."""
        x = pixels.permute(0, 3, 1, 2).float()
        if self.channels == 1:
            x = ((x * self.grey).sum(dim=1, keepdim=True) + 0.5).floor()
        for size in ((pixels.shape[1], self.size), (self.size, self.size)):  # Pillow rounds after each direction
            x = nn.functional.interpolate(x, size=size, mode=self.mode, antialias=self.antialias).round().clamp(0, 255)
        embedding: torch.Tensor = self.network((x - self.mean) / self.std)
        probs: torch.Tensor = self.logits(embedding).softmax(dim=1)
        return probs, embedding


def standalone_network(model: ExportableModel, exporter: str) -> StandaloneNetwork:
    """Return the whole model as one module, on the CPU, in evaluation mode.

    Raises AlframeError, naming the `exporter`, for a head that is no PyTorch module, or a network that takes no 8-bit
    RGB or grey pictures.
    """
    require_pictures(model.input_spec, exporter)
    network = StandaloneNetwork(model.copy_backbone_network(), head_module(model, exporter), model.input_spec)
    return network.eval().requires_grad_(False)


def head_module(model: ExportableModel, exporter: str) -> nn.Module:
    """Return the logits of the fitted head as a module. Raises AlframeError for a head that has none."""
    if not isinstance(model.head, ExportableHead):
        raise AlframeError(
            f"exporter '{exporter}': head {json.dumps(dict(model.head_recipe))} cannot be computed by PyTorch (it has "
            "no `logits_module`). Choose another head, e.g. head=linear, or leave this exporter out."
        )
    return model.head.logits_module()


def require_pictures(spec: InputSpec, exporter: str) -> None:
    """Raise AlframeError unless the network takes 8-bit pictures, RGB or grey."""
    if spec.channels not in (1, 3) or spec.value_range is not None:
        what = f"{spec.channels} channels" if spec.channels not in (1, 3) else f"values in {spec.value_range}"
        raise AlframeError(
            f"exporter '{exporter}': the network takes images of {what}, and the exported file would take 8-bit RGB "
            "pictures. Leave this exporter out; `model` exports any network."
        )


def example_pixels() -> torch.Tensor:
    """Return pixels to trace the module with: a batch, a height and a width that stand for any other."""
    return torch.zeros(2, 97, 131, 3, dtype=torch.uint8)


def free_sizes() -> tuple[dict[int, Any]]:
    """Return the dimensions of the pixels that are free in an exported file."""
    names = ("batch", "height", "width")
    return ({position: torch.export.Dim(name, min=1) for position, name in enumerate(names)},)
