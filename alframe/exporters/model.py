"""Export the trained model as one folder, which can predict without the project."""

from __future__ import annotations

from pathlib import Path

from alframe.contracts import ExportableModel
from alframe.kit.exporting import explain_write_errors
from alframe.kit.files import replace_atomically
from alframe.types import Predictions


class ModelFolder:
    """Write the folder `model`, which `alframe.load_model(folder)` reads.

    It is written as a whole or not at all.
    """

    def export(self, predictions: Predictions, model: ExportableModel, folder: Path) -> list[Path]:
        """Replace the folder and return its files. If `save` raises an error, an earlier model stays unchanged."""
        target = folder / "model"
        with explain_write_errors(target), replace_atomically(target) as temporary:
            model.save(temporary)
        return sorted(file for file in target.rglob("*") if file.is_file())
