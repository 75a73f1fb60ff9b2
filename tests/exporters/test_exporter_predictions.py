from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alframe.errors import BadParams, StoreError
from alframe.exporters.predictions import PredictionTable
from alframe.testing.exporter import CLASSES, ExporterSuite, FakeModel, write_tiny_predictions
from alframe.types import Item, Predictions


def read_csv(file: Path) -> pd.DataFrame:
    """As the docs say: text stays text, and only an empty cell is a gap."""
    text = dict.fromkeys(("path", "file", "prediction", "label", "labelled_on", "camera", "taken", "sequence"), str)
    return pd.read_csv(file, encoding="utf-8-sig", dtype=text, keep_default_na=False, na_values=[""])


class TestCsvTable(ExporterSuite):
    def make(self) -> PredictionTable:
        return PredictionTable()

    def read_predictions(self, folder: Path) -> Mapping[str, str]:
        frame = read_csv(folder / "predictions.csv")
        return dict(zip(frame.path, frame.prediction, strict=True))


class TestParquetTable(ExporterSuite):
    def make(self) -> PredictionTable:
        return PredictionTable(csv=False)

    def read_predictions(self, folder: Path) -> Mapping[str, str]:
        frame = pd.read_parquet(folder / "predictions.parquet")
        return dict(zip(frame.path, frame.prediction, strict=True))


def both(predictions: Predictions, folder: Path, **params: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    PredictionTable(**params).export(predictions, FakeModel(), folder)
    return read_csv(folder / "predictions.csv"), pd.read_parquet(folder / "predictions.parquet")


def test_every_column_in_both(tmp_path: Path) -> None:
    predictions = write_tiny_predictions(tmp_path)
    for frame in both(predictions, tmp_path):
        assert list(frame.columns) == [
            *("path", "file", "prediction", "confidence", "label", "labelled_on", "camera", "taken", "sequence"),
            *(f"prob_{name}" for name in CLASSES),
        ]
        probs = frame[[f"prob_{name}" for name in CLASSES]].to_numpy(np.float32)
        np.testing.assert_array_equal(probs, predictions.probs)
        np.testing.assert_array_equal(frame.confidence.to_numpy(np.float32), predictions.probs.max(axis=1))
        for column, said in (("label", "class_name"), ("labelled_on", "item")):
            cells = [cell if isinstance(cell, str) else None for cell in frame[column]]
            assert cells == [label and getattr(label, said) for label in predictions.labels]
        assert [cell if isinstance(cell, str) else None for cell in frame.camera] == [
            item.camera for item in predictions.items
        ]
        assert frame.taken[1] == "2024-02-29T23:59:01"
        assert pd.isna(frame.taken[0])
        assert all(Path(file).is_absolute() for file in frame.file)


def test_excel_sees_the_byte_order_mark(tmp_path: Path) -> None:
    both(write_tiny_predictions(tmp_path), tmp_path)
    assert (tmp_path / "predictions.csv").read_bytes().startswith(b'\xef\xbb\xbf"path","file"')


def test_without_probabilities(tmp_path: Path) -> None:
    for frame in both(write_tiny_predictions(tmp_path), tmp_path, probabilities=False):
        assert frame.columns[-1] == "sequence"


def test_only_what_is_asked_for(tmp_path: Path) -> None:
    (path,) = PredictionTable(parquet=False).export(write_tiny_predictions(tmp_path), FakeModel(), tmp_path)
    assert path == tmp_path / "predictions.csv"
    with pytest.raises(BadParams, match="nothing to write"):
        PredictionTable(csv=False, parquet=False)


def test_awkward_names_times_and_no_labels_at_all(tmp_path: Path) -> None:
    classes = ('quo"te', "new\nline", "a,b", "=1+1", "path")
    items = [
        Item('x"\n,.jpg', tmp_path / "x.jpg", taken=datetime(2024, 1, 1, tzinfo=UTC)),
        Item("y.jpg", tmp_path / "y.jpg", taken=datetime(1, 1, 1)),
    ]
    probs = np.eye(5, dtype=np.float32)[[1, 4]]
    for frame in both(Predictions(items, probs, classes, [None, None]), tmp_path):
        assert list(frame.path) == [item.id for item in items]
        assert list(frame.prediction) == ["new\nline", "path"]
        assert [f"prob_{name}" for name in classes] == list(frame.columns[9:])
        assert list(frame.taken) == ["2024-01-01T00:00:00+00:00", "0001-01-01T00:00:00"]
        assert frame.label.isna().all()
    assert pq.read_schema(tmp_path / "predictions.parquet").field("label").type == pa.string()


def test_float64_and_transposed_probabilities(tmp_path: Path) -> None:
    predictions = write_tiny_predictions(tmp_path)
    awkward = replace(predictions, probs=np.asfortranarray(predictions.probs.astype(np.float64)))
    for frame in both(awkward, tmp_path):
        np.testing.assert_array_equal(frame["prob_NA"].to_numpy(np.float32), predictions.probs[:, 1])


def test_a_table_open_in_excel_is_an_error_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", deny)
    with pytest.raises(StoreError, match=r"predictions\.csv cannot be replaced.*Close it"):
        PredictionTable().export(write_tiny_predictions(tmp_path), FakeModel(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["pool"]
