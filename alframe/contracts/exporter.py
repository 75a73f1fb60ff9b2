"""The contract of exporters, which hand results on to other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from alframe.contracts.exportable_model import ExportableModel
from alframe.types import Item, Predictions


class Exporter(Protocol):
    """A part that writes files or folders. It replaces each of them as a whole, and changes no image."""

    def export(self, predictions: Predictions, model: ExportableModel, folder: Path) -> list[Path]:
        """Write below `folder`, which exists. Return the files, and the folders that were written as a whole."""


@runtime_checkable
class CheckableExporter(Protocol):
    """An exporter that can check before a run whether something that it needs is missing."""

    def check(self, items: Sequence[Item]) -> None:
        """Raise AlframeError if these items lack data that the export needs. It only reads."""
