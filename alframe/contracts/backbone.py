"""The contract of backbones: networks that turn images into embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from alframe.types import InputSpec

if TYPE_CHECKING:
    from torch import nn


class Backbone(Protocol):
    """A recipe for a network.

    The engine runs the network on one image to find the width of the embedding, and computes the fingerprint from the
    actual weights. So a backbone declares neither of them, and neither can be wrong.
    """

    @property
    def input_spec(self) -> InputSpec:
        """Return how images must be prepared. It is known without the weights."""

    def module(self, seed: int, weights: bool = True) -> nn.Module:
        """Return the network, from float images (B, C, H, W), normalised by `input_spec`, to embeddings (B, D).

        With `weights=False`, no pretrained weights are loaded, because the caller loads a saved state. All random
        weights come from `seed`. Raises WeightsError if the weights cannot be loaded; the message names backbones that
        need no download.
        """


@runtime_checkable
class HasWeightsFiles(Protocol):
    """A backbone that names its files of weights, so that its network is built only when an image must be embedded."""

    draws_weights: bool
    """Whether some weights are random, so that they depend on the seed. False for a backbone without weights."""

    def weights_files(self) -> Sequence[Path] | None:
        """Return the files with the weights: () if there are none, None if they are not known. Called after `module`.

        As long as these files, the parameters, the packages and the seed are the same, the network is the same.
        """


@runtime_checkable
class TimmNetwork(Protocol):
    """A network that is a model of timm: the embedding is `projection(trunk(images))`."""

    trunk: nn.Module
    """The model of timm, without its classifier (`num_classes=0`)."""

    projection: nn.Module
    """An `nn.Linear`, or an `nn.Identity`."""

    normalize: bool
    """Whether the embedding is scaled to length 1 at the end."""
