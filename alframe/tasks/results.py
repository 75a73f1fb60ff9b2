"""The results of a campaign for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from alframe.contracts import Exporter, SavedModel
from alframe.engine.model import Model
from alframe.errors import AlframeError
from alframe.loop.phase_results import Fitted, RunCache
from alframe.loop.session import Session, predict_pool
from alframe.types import Predictions


def export_results(session: Session, state: RunCache, fitted: Fitted) -> tuple[list[Path], list[str]]:
    """Let every exporter write below `export/`; return the files and folders there, and why some could not be written.

    Raises LabelError if there are too few labels for a model.
    """
    recipes, embedder = session.recipes, fitted.embedded.embedder
    model = Model(embedder, fitted.require_head(), fitted.training.classes, recipes["backbone"], recipes["head"])
    predictions, folder = predict_pool(session, state, fitted), session.project.export_folder
    folder.mkdir(parents=True, exist_ok=True)
    written, failed = write_all(session.parts.exporters, predictions, model, folder)
    # A model is many files to a computer and one folder to a person.
    return list(dict.fromkeys(folder / path.relative_to(folder).parts[0] for path in written)), failed


def write_all(
    exporters: Sequence[Exporter], predictions: Predictions, model: SavedModel, folder: Path
) -> tuple[list[Path], list[str]]:
    """Let each exporter write below `folder`; return what was written, and why the rest could not be."""
    written: list[Path] = []
    failed = []
    for exporter in exporters:
        try:
            written += exporter.export(predictions, model, folder)
        except AlframeError as error:
            failed.append(str(error))
    return written, failed
