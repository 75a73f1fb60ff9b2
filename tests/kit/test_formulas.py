"""A cell that a spreadsheet would calculate is made harmless in lists for people, and warned about elsewhere."""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path

import pytest

from alframe.exporters.predictions import PredictionTable
from alframe.kit.round_folders import round_folder
from alframe.kit.tables import FORMULA_STARTS, formula_safe_path
from alframe.label_sources.csv.source import Csv
from alframe.testing.exporter import FakeModel, write_tiny_predictions
from alframe.types import Item, Request

IDS = ("=HYPERLINK(1)/a.jpg", "+1/b.jpg", "-2/c.jpg", "@sum/d.jpg", "plain/=e.jpg")


@pytest.mark.parametrize("columns", [{}, {"label_column": "species", "path_column": "image"}])
def test_a_list_to_label_calculates_nothing_and_its_answers_come_back(columns: dict[str, str], tmp_path: Path) -> None:
    request = Request(1, tuple(Item(id, tmp_path / id) for id in IDS), ("fox",), tmp_path / "labels")
    source = Csv(**columns)
    source.request(request)
    file = round_folder(request) / "to_label.csv"
    header, *rows = csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig")))
    assert not [cell for row in rows for cell in row if cell.startswith(FORMULA_STARTS)]
    label = header.index(columns.get("label_column", "label"))
    with file.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([header, *([*row[:label], "fox", *row[label + 1 :]] for row in rows)])
    answers = source.collect(request)
    assert [found.item for found in answers.labels] == list(IDS)
    assert not answers.problems
    assert source.request(request) and len(list(file.parent.iterdir())) == 1, "all are listed already"


def test_a_list_of_the_earlier_version_is_understood_too(tmp_path: Path) -> None:
    request = Request(1, tuple(Item(id, tmp_path / id) for id in IDS), ("fox",), tmp_path / "labels")
    folder = round_folder(request)
    folder.mkdir(parents=True)
    (folder / "to_label.csv").write_text("path,label\n" + "".join(f"{id},fox\n" for id in IDS))
    Csv().request(request)
    assert [found.item for found in Csv().collect(request).labels] == list(IDS)


def test_a_table_for_programs_keeps_its_ids_and_warns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    predictions = write_tiny_predictions(tmp_path)
    PredictionTable().export(predictions, FakeModel(), tmp_path)
    assert "calculate" not in caplog.text
    first, *others = predictions.items
    changed = dataclasses.replace(predictions, items=[dataclasses.replace(first, id="=1+1.jpg", camera="@x"), *others])
    PredictionTable().export(changed, FakeModel(), tmp_path)
    assert "predictions.csv: 2 cells begin with =, +, - or @ (the first: '=1+1.jpg')" in caplog.text
    rows = list(csv.DictReader(io.StringIO((tmp_path / "predictions.csv").read_text("utf-8-sig"))))
    assert rows[0]["path"] == "=1+1.jpg"


def test_only_a_path_that_would_be_calculated_is_changed() -> None:
    assert [formula_safe_path(id) for id in IDS] == [*(f"./{id}" for id in IDS[:-1]), IDS[-1]]
