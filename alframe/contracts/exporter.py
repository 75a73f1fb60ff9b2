"""The contract of exporters, which hand results on to other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from alframe.contracts.exportable_model import ExportableModel
from alframe.types import Item, Predictions


class Exporter(Protocol):
    """A part that writes files or folders, and replaces each one atomically. It changes no image."""

    def export(self, predictions: Predictions, model: ExportableModel, folder: Path) -> list[Path]:
        """Write below `folder`, which exists, and return each file, or each folder that was written as a whole."""


@runtime_checkable
class CheckableExporter(Protocol):
    """An exporter that can check before a run whether something that it needs is missing."""

    def check(self, items: Sequence[Item]) -> None:
        """Raise AlframeError for what an export of these items would lack, whatever is predicted; it only reads."""
