"""An exporter hands results on to other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from alframe.types import Floats, Predictions


class SavedModel(Protocol):
    """The trained model, as exporters see it."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the probabilities."""
        ...

    def save(self, folder: Path) -> None:
        """Write all that is needed to predict without alframe's configuration."""
        ...

    def predict(self, paths: Sequence[Path]) -> Floats:
        """(n, C) probabilities of these images. Raises PoolError for one that cannot be read."""
        ...


class Exporter(Protocol):
    """Writes files or folders below `folder`, which exists, each atomically; touches no image."""

    def export(self, predictions: Predictions, model: SavedModel, folder: Path) -> list[Path]:
        """Write, and return the files written, or a folder that was written as a whole."""
        ...
