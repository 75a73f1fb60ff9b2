"""The suite must catch exporters that are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from alframe.contracts import ExportableModel
from alframe.kit.files import write_text
from alframe.testing.exporter import ExporterSuite, predicted_class_by_id
from alframe.types import Predictions


class Exporter:
    def __init__(self, fault: str) -> None:
        self.fault = fault

    def export(self, predictions: Predictions, model: ExportableModel, folder: Path) -> list[Path]:
        file = folder / "out.txt"
        if self.fault == "stays" and file.exists():
            return [file]
        named = list(predicted_class_by_id(predictions).items())
        if self.fault in ("labels", "one lost"):
            labels = zip(predictions.items, predictions.labels, strict=True)
            named = list((dict(named) | {item.id: label.class_name for item, label in labels if label}).items())
        if self.fault == "one lost":
            named = named[:-1]
        if self.fault == "shifted":
            named = [(item, other) for (item, _), (_, other) in zip(named, named[1:] + named[:1], strict=True)]
        write_text(file, "".join(f"{item}\t{name}\n" for item, name in named))
        if self.fault == "outside":
            (folder.parent / "cache.bin").touch()
        if self.fault == "changes":
            predictions.probs[:] = 0
        if self.fault == "touches":
            predictions.items[0].path.write_text("rotated")
        return [] if self.fault == "silent" else [file]


class Suite(ExporterSuite):
    def __init__(self, fault: str) -> None:
        self.fault = fault

    def make(self) -> Exporter:
        return Exporter(self.fault)

    def read_predictions(self, folder: Path) -> Mapping[str, str]:
        lines = (folder / "out.txt").read_text(encoding="utf-8").splitlines()
        return dict(line.split("\t") for line in lines)


def run(fault: str, test: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    more = (monkeypatch,) if test == "test_writes_below_the_folder_and_returns_what" else ()
    getattr(Suite(fault), test)(folder, tmp_path, *more)


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        ("shifted", "test_can_be_read_back"),
        ("one lost", "test_can_be_read_back"),
        ("stays", "test_second_export_replaces_the_first"),
        ("outside", "test_writes_below_the_folder_and_returns_what"),
        ("silent", "test_writes_below_the_folder_and_returns_what"),
        ("changes", "test_predictions_and_images_are_not_changed"),
        ("touches", "test_predictions_and_images_are_not_changed"),
    ],
)
def test_the_suite_fails(fault: str, test: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError):
        run(fault, test, tmp_path, monkeypatch)


def test_the_suite_passes_what_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("", "test_second_export_replaces_the_first", tmp_path, monkeypatch)


def test_an_exporter_may_write_labels_in_place_of_predictions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, test in enumerate(("test_can_be_read_back", "test_second_export_replaces_the_first")):
        (tmp_path / str(number)).mkdir()
        run("labels", test, tmp_path / str(number), monkeypatch)
