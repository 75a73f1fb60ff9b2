"""The fingerprint changes with what decides an embedding, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from alframe.engine.embedding.embedder import embedder_from_module
from alframe.types import InputSpec

RECIPE = {
    "name": "timm",
    "model": "resnet18",
    "pretrained": True,
    "weights": None,
    "in_chans": 3,
    "dim": None,
    "normalize": False,
    "size": None,
}
COLOUR = InputSpec(224, (0.5,) * 3, (0.25,) * 3)


class Fixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((2, 3), 0.5))
        self.bias = nn.Parameter(torch.zeros(2))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, :3] @ self.weight.T + self.bias


def fingerprint(spec: InputSpec, **changed: Any) -> str:
    return embedder_from_module(Fixed(), spec, {**RECIPE, **changed}, "cpu").fingerprint


def test_features_stored_before_there_were_ranges_still_count() -> None:
    """The digests are those of the version without `value_range`."""
    grey = InputSpec(224, (0.5,), (0.25,), "bilinear")
    for more in ({}, {"value_range": None}):
        assert fingerprint(COLOUR, **more) == "c4ece5a8b9828e6d89f3beb6e12d033d"
        assert fingerprint(grey, in_chans=1, **more) == "69ecf69eb28a6c18aa764dfd03977b5f"


def test_a_range_makes_other_features() -> None:
    ranges = [None, ((0.0, 4095.0),), ((0.0, 10000.0),), ((0.0, 4095.0), (0.0, 1.0), (0.0, 1.0))]
    assert len({fingerprint(replace(COLOUR, value_range=one)) for one in ranges}) == 4
    assert fingerprint(COLOUR, value_range=[0, 1]) != fingerprint(COLOUR)
