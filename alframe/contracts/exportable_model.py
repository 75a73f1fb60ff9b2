"""The trained model, as exporters see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from alframe.contracts.head import Head
from alframe.types import Floats, InputSpec

if TYPE_CHECKING:
    from torch import nn


class ExportableModel(Protocol):
    """The trained model, as exporters get it."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the class names, in the order of the probabilities."""

    @property
    def head(self) -> Head:
        """Return the fitted head, which may offer `ExportableHead`."""

    @property
    def input_spec(self) -> InputSpec:
        """Return how images are prepared for the network."""

    @property
    def fingerprint(self) -> str:
        """Return the digest of the network's weights, structure and input."""

    @property
    def backbone_recipe(self) -> Mapping[str, Any]:
        """Return the name and the parameters that the network was built from."""

    @property
    def head_recipe(self) -> Mapping[str, Any]:
        """Return the name and the parameters that the head was built from."""

    def copy_backbone_network(self) -> nn.Module:
        """Return a copy of the network on the CPU, in evaluation mode, as `Backbone.module` gives it."""

    def save(self, folder: Path) -> None:
        """Write everything that `load_model` needs into `folder`."""

    def predict_probs(self, paths: Sequence[Path]) -> Floats:
        """Return the probabilities (n, C) of these images. Raises PoolError for one that cannot be read."""
