"""Export a table with a row for each item: the prediction, its confidence and the label."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from alframe.contracts import ExportableModel
from alframe.errors import BadParams
from alframe.kit.exporting import explain_write_errors, warn_of_formulas
from alframe.kit.files import replace_atomically
from alframe.types import Predictions

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class PredictionTable:
    """Write the tables `predictions.csv` (UTF-8 with a byte-order mark, for Excel) and `predictions.parquet`.

    The columns are path (the id), file (the absolute path), prediction, confidence (the probability of the prediction),
    label, labelled_on, camera, taken (ISO 8601), sequence and prob_<class> for each class. labelled_on is the id of the
    image that a person labelled. It differs from path if the label was propagated from another image of the sequence. A
    labelled image that is missing or unreadable has no prediction.
    """

    csv: bool = True
    parquet: bool = True
    probabilities: bool = True

    def __post_init__(self) -> None:
        if not (self.csv or self.parquet):
            raise BadParams("exporter.predictions: csv and parquet are both off: there is nothing to write.")

    def export(self, predictions: Predictions, model: ExportableModel, folder: Path) -> list[Path]:
        """Write the table and return its files. Raises StoreError for a file that is open in another program."""
        table = build_table(predictions, self.probabilities)
        writers = {"predictions.csv": _write_csv} if self.csv else {}
        if self.csv:
            cells = (name for item in predictions.items for name in (item.id, item.camera, item.sequence))
            names = (*predictions.classes, *(label.class_name for label in predictions.labels if label))
            warn_of_formulas(folder / "predictions.csv", (*cells, *dict.fromkeys(names)))
        if self.parquet:
            import pyarrow.parquet

            writers["predictions.parquet"] = pyarrow.parquet.write_table
        for name, write in writers.items():
            file = folder / name
            with explain_write_errors(file), replace_atomically(file) as temporary, temporary.open("wb") as handle:
                write(table, handle)
        return [folder / name for name in writers]


def build_table(predictions: Predictions, probabilities: bool) -> pa.Table:
    """Return the rows in the order of `predictions.items`. A class such as "007" stays a text."""
    import pyarrow as pa  # late: it takes a tenth of a second

    items, classes = predictions.items, pa.array(predictions.classes, pa.string())
    probs = np.asfortranarray(predictions.probs, dtype=np.float32)  # its columns are what is written
    is_unseen = np.isnan(probs).any(axis=1)
    top = probs.argmax(axis=1)
    columns = {
        "path": pa.array([item.id for item in items], pa.string()),
        "file": pa.array([str(item.path.absolute()) for item in items], pa.string()),
        "prediction": classes.take(pa.array(top, mask=is_unseen)),
        "confidence": pa.array(np.take_along_axis(probs, top[:, None], axis=1)[:, 0], mask=is_unseen),
        "label": pa.array([label and label.class_name for label in predictions.labels], pa.string()),
        "labelled_on": pa.array([label and label.item for label in predictions.labels], pa.string()),
        "camera": pa.array([item.camera for item in items], pa.string()),
        "taken": pa.array([item.taken.isoformat() if item.taken else None for item in items], pa.string()),
        "sequence": pa.array([item.sequence for item in items], pa.string()),
    }
    if probabilities:
        columns |= {f"prob_{name}": pa.array(probs[:, i], mask=is_unseen) for i, name in enumerate(predictions.classes)}
    return pa.table(columns)


def _write_csv(table: pa.Table, handle: IO[bytes]) -> None:
    import pyarrow.csv

    handle.write(b"\xef\xbb\xbf")
    pyarrow.csv.write_csv(table, handle)
