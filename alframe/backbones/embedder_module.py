"""The PyTorch module of a timm backbone."""

from __future__ import annotations

import torch
from torch import nn


class EmbeddingNetwork(nn.Module):
    """The pooled features of `trunk`, passed through `projection`, and scaled to length 1 if `normalize`."""

    def __init__(self, trunk: nn.Module, projection: nn.Module, normalize: bool) -> None:
        super().__init__()
        self.trunk, self.projection, self.normalize = trunk, projection, normalize

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the embeddings (B, D) of `images` (B, C, H, W)."""
        x = self.projection(self.trunk(images).flatten(1)).float()
        return nn.functional.normalize(x) if self.normalize else x
