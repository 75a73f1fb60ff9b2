"""The conformance suite of exporters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import chdir, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from alframe.contracts import ExportableModel, Exporter, Head
from alframe.kit.composite import build_part
from alframe.testing.part import PartSuite
from alframe.types import Floats, InputSpec, Item, Label, Predictions

if TYPE_CHECKING:
    from torch import nn

# Names that a careless table takes for a number, a gap or two cells.
CLASSES = ("007", "NA", "red deer, female", "größe")


@dataclass
class FakeModel:
    """A model that gives every image, and every class, the same probability; its network pools the three colours."""

    classes: tuple[str, ...] = CLASSES
    input_spec: InputSpec = field(default_factory=lambda: InputSpec(16, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)))
    fingerprint: str = "f00"
    backbone_recipe: Mapping[str, Any] = field(default_factory=lambda: {"name": "mean_colour"})
    head_recipe: Mapping[str, Any] = field(default_factory=lambda: {"name": "linear"})

    @property
    def head(self) -> Head:
        """Return a head that has seen the same embedding under every class."""
        head: Head = build_part("head", self.head_recipe)
        count = len(self.classes)
        head.fit(np.zeros((count, 3), np.float32), np.arange(count), count, np.random.default_rng(0))
        return head

    def copy_backbone_network(self) -> nn.Module:
        """Return a network whose embedding is the mean colour."""
        from torch import nn

        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()

    def save(self, folder: Path) -> None:
        """Write the class names only."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "classes.json").write_text(json.dumps(self.classes), encoding="utf-8")

    def predict_probs(self, paths: Sequence[Path]) -> Floats:
        """Return (n, C) equal probabilities."""
        return np.full((len(paths), len(self.classes)), 1 / len(self.classes), np.float32)


def tiny_predictions(folder: Path, count: int = 7, seed: int = 0) -> Predictions:
    """Return predictions for small files below `folder/pool`; each optional field is present in some, absent in others.

    The items' labels are a person's; the third has one that was propagated from its neighbour in the sequence.
    """
    probs = np.random.default_rng(seed).dirichlet(np.ones(len(CLASSES)), count).astype(np.float32)
    items = [
        Item(
            f"site {i % 2}/größe, {i}.jpg",
            folder / "pool" / f"site {i % 2}" / f"größe, {i}.jpg",
            camera=f"0{i}" if i % 2 else None,
            taken=datetime(2024, 2, 29, 23, 59, i) if i % 3 else None,
            sequence=f"burst {i}" if i % 2 else None,
        )
        for i in range(count)
    ]
    for item in items:
        item.path.parent.mkdir(parents=True, exist_ok=True)
        item.path.write_text(item.id, encoding="utf-8")
    labelled_at = datetime(2024, 3, 1, 8, tzinfo=UTC)
    labels = [Label(items[i].id, CLASSES[i % 4], "Anna", labelled_at) if i % 2 else None for i in range(count)]
    if count > 2:
        labels[2] = Label(items[1].id, CLASSES[1], "Anna", labelled_at)
    return Predictions(items, probs, CLASSES, labels, round=3)


def files_below(*paths: Path) -> set[Path]:
    """Return the files among `paths`, and those in the folders among them."""
    return {file for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()}


def _count_lines_with(text: str, paths: Sequence[Path]) -> int:
    """Count the lines of these files that hold `text`, and the files in a folder of that name; 0 for binary files."""
    count = 0
    for file in files_below(*paths):
        count += text in file.parent.parts
        with suppress(UnicodeDecodeError):
            lines = file.read_text(encoding="utf-8").splitlines()
            count += sum(text in line or json.dumps(text)[1:-1] in line for line in lines)
    return count


def predicted_class_by_id(predictions: Predictions) -> dict[str, str]:
    """Return the predicted class of each id."""
    best = predictions.probs.argmax(axis=1)
    return {item.id: predictions.classes[top] for item, top in zip(predictions.items, best, strict=True)}


class ExporterSuite(PartSuite[Exporter]):
    """What every exporter must do: give `make`, and `read_predictions` if what is written can be read back."""

    def predictions(self, folder: Path, count: int = 7, seed: int = 0) -> Predictions:
        """Return what is exported; override it for an exporter that needs more than `tiny_predictions` gives."""
        return tiny_predictions(folder, count, seed)

    def model(self) -> ExportableModel:
        """Return the model that is exported; override it for an exporter that needs more than `FakeModel` has."""
        return FakeModel()

    def read_predictions(self, folder: Path) -> Mapping[str, str] | None:
        """Return the predicted class of each id, read from the files; None if the exporter writes no predictions."""
        return None

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "exports"
        folder.mkdir()
        return folder

    def test_writes_below_the_folder_and_returns_what(self, folder: Path, tmp_path: Path, *_: object) -> None:
        predictions = self.predictions(tmp_path)
        before = files_below(tmp_path)
        with chdir(tmp_path):
            written = self.make().export(predictions, self.model(), folder)
        assert written and len(set(written)) == len(written), f"each path must be returned once: {written}"
        for path in written:
            assert path.exists() and path.is_relative_to(folder) and path != folder, f"{path} is not below folder"
        assert files_below(tmp_path) - before == files_below(*written), "a file was written that was not returned"

    def test_can_be_read_back(self, folder: Path, tmp_path: Path) -> None:
        predictions = self.predictions(tmp_path)
        self.make().export(predictions, self.model(), folder)
        read = self.read_predictions(folder)
        assert read is None or dict(read) == predicted_class_by_id(predictions)

    def test_what_cannot_be_seen_any_more_has_a_label_and_no_prediction(self, folder: Path, tmp_path: Path) -> None:
        predictions = self.predictions(tmp_path)
        first = predictions.items[0]
        probs, labels = predictions.probs.copy(), list(predictions.labels)
        probs[0], labels[0] = np.nan, Label(first.id, CLASSES[-1], "Anna")
        first.path.unlink()
        self.make().export(replace(predictions, probs=probs, labels=labels), self.model(), folder)
        read = self.read_predictions(folder)
        assert read is None or read.get(first.id) not in CLASSES[:-1], "an argmax over NaN is no prediction"

    def test_second_export_replaces_the_first(self, folder: Path, tmp_path: Path) -> None:
        exporter = self.make()
        first = exporter.export(self.predictions(tmp_path), self.model(), folder)
        newer = self.predictions(tmp_path, count=5, seed=1)
        second = exporter.export(newer, self.model(), folder)
        assert set(second) == set(first), "the second export must write to the same paths"
        assert files_below(folder) == files_below(*second), "something of the first export is left over"
        read = self.read_predictions(folder)
        assert read is None or dict(read) == predicted_class_by_id(newer)

    def test_what_others_put_there_stays(self, folder: Path, tmp_path: Path) -> None:
        (folder / "mine").mkdir()
        others = [folder / "mine" / "notes.txt", folder / "results.csv.bak", folder / "zz.json", tmp_path / "table.csv"]
        for file in others:
            file.write_text("mine", encoding="utf-8")
        for _ in range(2):
            self.make().export(self.predictions(tmp_path), self.model(), folder)
        gone = [str(file) for file in others if not file.is_file() or file.read_text(encoding="utf-8") != "mine"]
        assert not gone, f"files of others were deleted or changed: {gone}"

    def test_likeliest_class_is_the_one_that_is_written(self, folder: Path, tmp_path: Path) -> None:
        """No class is written more often than when it is nearly certain for every image."""
        given = self.predictions(tmp_path)
        counts = []  # by the class that is nearly certain, and the class that is counted
        for top in range(len(given.classes)):
            probs = np.full_like(given.probs, 0.01)
            probs[:, (top + 1) % probs.shape[1]] = 0.001
            probs[:, top] += 1 - probs.sum(axis=1)
            predictions = replace(given, probs=probs, labels=[None] * len(given.items))
            written = self.make().export(predictions, self.model(), folder)
            counts.append([_count_lines_with(each, written) for each in given.classes])
        table = np.array(counts)
        wrong = np.flatnonzero(table.diagonal() < table.max(axis=0))
        assert not len(wrong), (
            f"'{given.classes[wrong[0]]}' is written less often where it is nearly certain than where it is not: "
            f"{table[:, wrong[0]].tolist()} lines"
        )

    def test_no_images_at_all(self, folder: Path, tmp_path: Path) -> None:
        self.make().export(self.predictions(tmp_path, count=0), self.model(), folder)
        assert not self.read_predictions(folder)

    def test_predictions_and_images_are_not_changed(self, folder: Path, tmp_path: Path) -> None:
        predictions = self.predictions(tmp_path)
        probs = predictions.probs.copy()
        images = [(item.path.read_bytes(), item.path.stat().st_mtime_ns) for item in predictions.items]
        for _ in range(2):
            self.make().export(predictions, self.model(), folder)
        np.testing.assert_array_equal(predictions.probs, probs)
        assert [(item.path.read_bytes(), item.path.stat().st_mtime_ns) for item in predictions.items] == images
