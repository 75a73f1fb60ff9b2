"""What a campaign leaves behind for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alframe.contracts import Exporter, SavedModel
from alframe.engine.fit import in_parts
from alframe.engine.model import Model
from alframe.errors import AlframeError, LabelError
from alframe.loop.finetune import train_embedding
from alframe.loop.round import embed_pool, learn
from alframe.loop.session import Session
from alframe.loop.work import Work, round_number
from alframe.types import Label, Predictions


def export_results(session: Session, work: Work) -> tuple[list[Path], list[str]]:
    """Let every exporter write below `export/`; the files and folders there, and why some could not be written.

    Raises LabelError if there are too few labels for a model.
    """
    if work.head is None:
        train_embedding(session, work)
        embed_pool(session, work)
        learn(session, work)
    if work.head is None or work.embedder is None or work.embedding is None or work.training is None:
        raise LabelError(
            "There is no model to export yet: it takes labels of at least two classes. Label more and run again."
        )
    model = Model(work.embedder, work.head, work.training.classes, session.recipes["backbone"], session.recipes["head"])
    keys = np.flatnonzero(work.embedding.readable & work.listing.present)
    items = work.listing.items
    said = {
        one.item: Label(items[one.labelled_on].id, one.class_name, one.annotator, one.at, one.file, one.row)
        for one in session.known_labels(items)
    }
    predictions = Predictions(
        items=[items[key] for key in keys.tolist()],
        probs=in_parts(work.embedding.features, keys, work.head.probs),
        classes=work.training.classes,
        labels=[said.get(key) for key in keys.tolist()],
        round=round_number(session.ledger),
    )
    folder = session.folder / "export"
    folder.mkdir(parents=True, exist_ok=True)
    written, failed = write_all(session.exporters, predictions, model, folder)
    # A model is many files to a computer and one folder to a person.
    return list(dict.fromkeys(folder / path.relative_to(folder).parts[0] for path in written)), failed


def write_all(
    exporters: Sequence[Exporter], predictions: Predictions, model: SavedModel, folder: Path
) -> tuple[list[Path], list[str]]:
    """Let each exporter write below `folder`; what was written, and why the rest could not be."""
    written: list[Path] = []
    failed = []
    for exporter in exporters:
        try:
            written += exporter.export(predictions, model, folder)
        except AlframeError as error:
            failed.append(str(error))
    return written, failed
