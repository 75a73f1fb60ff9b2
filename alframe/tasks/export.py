"""`alframe export`: write the present model and predictions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from pathlib import Path

from alframe.contracts import CheckableExporter, ExportableModel, Exporter
from alframe.errors import AlframeError, StoreError
from alframe.loop.answers import collect_and_store_answers
from alframe.loop.experiment import check_parts, list_pool_into_ledger
from alframe.loop.phase_results import HeadFitResult, RunCache
from alframe.loop.session import Session, predict_pool, train_on_all_labels
from alframe.tasks.messages import describe_bad_image_counts, indented_paths
from alframe.types import Item, Outcome, OutcomeState, Predictions


class Export:
    """Run the exporters on the labels so far. This is possible in any state of the campaign."""

    read_only = False

    def run(self, session: Session) -> Outcome:
        """Export. Raises StoreError with the exports that failed and the files that were written."""
        check_parts(session)
        cache = list_pool_into_ledger(session)
        collect_and_store_answers(session, cache.listing.items, cache.problems)
        check_exporters(session.parts.exporters, list(compress(cache.listing.items, cache.listing.is_present)))
        paths, failed = export_results(session, cache, train_on_all_labels(session, cache))
        if failed:
            raise StoreError("\n".join(failed) + (f"\nThe rest is exported:{indented_paths(paths)}" if paths else ""))
        return Outcome(
            OutcomeState.DONE, "\n".join([f"Exported:{indented_paths(paths)}", *describe_bad_image_counts(session)])
        )


def check_exporters(exporters: Sequence[Exporter], items: Sequence[Item]) -> None:
    """Raise StoreError with everything that the exporters lack, before anything is embedded or predicted."""
    lacking = []
    for exporter in exporters:
        try:
            if isinstance(exporter, CheckableExporter):
                exporter.check(items)
        except AlframeError as error:
            lacking.append(str(error))
    if lacking:
        raise StoreError("\n".join([*lacking, "Nothing was exported."]))


def export_results(session: Session, cache: RunCache, fitted: HeadFitResult) -> tuple[list[Path], list[str]]:
    """Let every exporter write below `export/`; return the written files and folders, and the failures.

    Raises LabelError if there are too few labels for a model.
    """
    head, recipes = fitted.require_head(), session.recipes
    if not session.parts.exporters:  # then the network, which may not be built yet, is not needed
        return [], []
    from alframe.engine.model import Model

    embedder = fitted.embedded.embedder.build()
    model = Model(embedder, head, fitted.training_labels.classes, recipes["backbone"], recipes["head"])
    predictions, folder = predict_pool(session, cache, fitted), session.project.export_folder
    folder.mkdir(parents=True, exist_ok=True)
    written, failed = write_all_exports(session.parts.exporters, predictions, model, folder)
    # A model is many files to a computer and one folder to a person.
    return list(dict.fromkeys(folder / path.relative_to(folder).parts[0] for path in written)), failed


def write_all_exports(
    exporters: Sequence[Exporter], predictions: Predictions, model: ExportableModel, folder: Path
) -> tuple[list[Path], list[str]]:
    """Let each exporter write below `folder`; return the written paths, and the failures."""
    written: list[Path] = []
    failed = []
    for exporter in exporters:
        try:
            written += exporter.export(predictions, model, folder)
        except AlframeError as error:
            failed.append(str(error))
    return written, failed
