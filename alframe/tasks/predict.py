"""`alframe predict`: an exported model on any folder of images."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.commands import command_line, short_path
from alframe.engine.embedding.embed_pool import update_pool_embedding
from alframe.errors import BadParams, StoreError
from alframe.kit.pool_views import predict_in_chunks
from alframe.kit.tables import formula_safe_path
from alframe.loop.session import Session
from alframe.store.files import replace_atomically
from alframe.tasks.export import write_all_exports
from alframe.tasks.messages import indented_paths
from alframe.types import Outcome, OutcomeState, Predictions


@dataclass
class Predict:
    """Predict the class of each image in a folder by an exported model.

    The exporters decide what is written, e.g. `exporter=[predictions,recognition_json]`. The exporter `model` is
    ignored here.
    """

    read_only = True

    images: str | Path | None = None
    model: str | Path | None = None
    out: str | Path | None = None

    def run(self, session: Session) -> Outcome:
        """Predict the images, and list those that cannot be read in unreadable.csv beside the predictions."""
        if self.images is None:
            raise BadParams(f"Which images? {command_line('predict', 'images=FOLDER')}")
        if self.model is None and not session.project.model_folder.exists():
            where = f" in {short_path(session.folder)}" if session.folder.is_dir() else ""
            raise BadParams(
                f"There is no model{where}. Give the project: "
                f"{command_line('predict', 'project=FOLDER', 'images=FOLDER')}, or name its folder with model=FOLDER. "
                f"`export` writes a project's model."
            )
        from alframe.engine.model import load_model

        folder = Path(self.model or session.project.model_folder)
        model = load_model(folder, session.parts.compute.device(), session.settings.inference)
        items = list(REGISTRIES["pool"].build({"name": "folder", "root": str(self.images)}).items())
        # Through the feature store, so that a long run which was stopped goes on from where it was.
        project, present = session.project, np.ones(len(items), bool)
        _, embedding = update_pool_embedding(
            items, present, model.embedder, project.feature_store, project.file_cache, session.parts.compute
        )
        keys = np.flatnonzero(embedding.is_readable)
        predictions = Predictions(
            items=[items[key] for key in keys.tolist()],
            probs=predict_in_chunks(embedding.features, keys, model.head.probs),
            classes=model.classes,
            labels=[None] * len(keys),
        )
        out = Path(self.out) if self.out else Path.cwd() / f"predictions-{Path(self.images).resolve().name}"
        out.mkdir(parents=True, exist_ok=True)
        recipes = [recipe for recipe in session.recipes["exporter"].values() if recipe and recipe["name"] != "model"]
        exporters = [REGISTRIES["exporter"].build(recipe) for recipe in recipes]
        paths, failed = write_all_exports(exporters, predictions, model, out)
        if failed:
            raise StoreError("\n".join(failed) + (f"\nWritten:{indented_paths(paths)}" if paths else ""))
        message = f"{len(keys)} images predicted with the model in {short_path(folder)}."
        message += (
            " Their accuracy is unknown, because no label was compared. At new places it is often lower than in the "
            "project: label some of these images to measure it."
        )
        if embedding.unreadable:
            reasons = {items[key].id: why for key, why in embedding.unreadable.items()}
            paths = [*paths, _list_unreadable(out / "unreadable.csv", reasons)]
            message += f" {len(embedding.unreadable)} could not be read; unreadable.csv gives the reasons."
        if embedding.damaged:
            key, missing = next(iter(embedding.damaged.items()))
            count = len(embedding.damaged)
            message += f" Images that are incomplete but were predicted: {count}, e.g. {items[key].id} ({missing})."
        return Outcome(OutcomeState.DONE, message + indented_paths(paths))


def _list_unreadable(file: Path, reasons: dict[str, str]) -> Path:
    with replace_atomically(file) as temporary, temporary.open("w", newline="", encoding="utf-8-sig") as handle:
        rows = ((formula_safe_path(path), reason) for path, reason in reasons.items())
        csv.writer(handle).writerows([("path", "reason"), *rows])
    return file
