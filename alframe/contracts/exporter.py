"""The contract of exporters, which hand results on to other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from alframe.types import Floats, Item, Predictions


class ExportableModel(Protocol):
    """What exporters see of the trained model."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the class names, in the order of the probabilities."""

    def save(self, folder: Path) -> None:
        """Write all that is needed to predict without alframe's configuration into `folder`."""

    def predict_probs(self, paths: Sequence[Path]) -> Floats:
        """Return the probabilities (n, C) of these images. Raises PoolError for one that cannot be read."""


class Exporter(Protocol):
    """A writer of files or folders, each replaced atomically; it touches no image."""

    def export(self, predictions: Predictions, model: ExportableModel, folder: Path) -> list[Path]:
        """Write below `folder`, which exists, and return each file, or each folder that was written as a whole."""


@runtime_checkable
class CheckableExporter(Protocol):
    """An exporter that can tell beforehand what it lacks."""

    def check(self, items: Sequence[Item]) -> None:
        """Raise AlframeError for what an export of these items would lack, whatever is predicted; it only reads."""
