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

    The engine learns the width of the embedding by a trial pass and keys the feature store by the network's actual
    weights, so neither is declared here and neither can be wrong.
    """

    @property
    def input_spec(self) -> InputSpec:
        """Return how images must be prepared; known without loading weights."""

    def module(self, seed: int, weights: bool = True) -> nn.Module:
        """Return the network, from float images (B, C, H, W), normalised by `input_spec`, to embeddings (B, D).

        `weights=False` leaves pretrained weights out, for a caller who loads a state of its own. Whatever is random
        comes from `seed`. Raises WeightsError, naming the offline choices, if the weights cannot be loaded.
        """


@runtime_checkable
class HasWeightsFiles(Protocol):
    """A backbone that names its files of weights, so that its network is built only when an image must be embedded."""

    draws_weights: bool
    """Whether any weights are random, and so come from the seed. A backbone without weights says False."""

    def weights_files(self) -> Sequence[Path] | None:
        """Return the files that decide the weights, apart from the seed; () if there are none, None if not known.

        Called after `module`. While they, the parameters and the packages stay the same, so does the network.
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
