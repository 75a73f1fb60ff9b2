"""The data that the conformance suite of exporters exports: predictions for small files, and a model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from alframe.contracts import ExportableModel, Exporter, Head
from alframe.kit.composite import build_part
from alframe.testing.exported_files import read_files
from alframe.testing.part import PartSuite
from alframe.types import Floats, InputSpec, Item, Label, Predictions

if TYPE_CHECKING:
    from torch import nn

# Names that a careless table takes for a number, a gap or two cells.
CLASSES = ("007", "NA", "red deer, female", "größe")
# Names that nothing but the campaign can know.
OTHER_CLASSES = ("wolverine", "aardvark", "pangolin", "capybara")


@dataclass
class FakeModel:
    """A model that gives all classes the same probability. Its network computes the mean of the three colours."""

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


def write_tiny_predictions(folder: Path, count: int = 7, seed: int = 0) -> Predictions:
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


def predicted_class_by_id(predictions: Predictions) -> dict[str, str]:
    """Return the predicted class of each id."""
    best = predictions.probs.argmax(axis=1)
    return {item.id: predictions.classes[top] for item, top in zip(predictions.items, best, strict=True)}


def nearly_certain_unlabelled(predictions: Predictions, tops: Sequence[int]) -> Predictions:
    """Return the same without labels; each image is nearly certainly of the class with its number in `tops`."""
    probs = np.full_like(predictions.probs, 0.01)
    rows, classes = np.arange(len(tops)), np.array(tops, int)
    probs[rows, (classes + 1) % probs.shape[1]] = 0.001
    probs[rows, classes] += 1 - probs.sum(axis=1)
    return replace(predictions, probs=probs, labels=[None] * len(predictions.items))


def with_all_labelled(predictions: Predictions, class_name: str) -> Predictions:
    """Return the same with a person's label of this class for each image."""
    labels = [Label(item.id, class_name, "Anna") for item in predictions.items]
    return replace(predictions, labels=labels)


class ExporterCases(PartSuite[Exporter]):
    """What the suite exports, and what an author says about the exporter."""

    writes_predictions = True
    """Whether the files depend on the predictions. An exporter of labels alone, or of the model alone, does not."""

    writes_labels = True
    """Whether people's labels change the files. An exporter of what the model says, or of the model, does not."""

    left_out_classes: Sequence[str] = ()
    """Classes whose images the exporter from `make` leaves out, such as "empty"."""

    def predictions(self, folder: Path, count: int = 7, seed: int = 0) -> Predictions:
        """Return the exported predictions. Override it if the exporter needs data that they lack."""
        return write_tiny_predictions(folder, count, seed)

    def model(self) -> ExportableModel:
        """Return the exported model. Override it if `FakeModel` lacks something that the exporter needs."""
        return FakeModel()

    def read_predictions(self, folder: Path) -> Mapping[str, str] | None:
        """Return the class of each id, read from the files, or None if the files do not have the class of each image.

        It is the predicted class of each image; or, for labelled images, the label.
        """
        return None

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "exports"
        folder.mkdir()
        return folder

    def export(self, predictions: Predictions, folder: Path) -> list[Path]:
        """Export these predictions into `folder`, which is made if it does not exist. Return the written files."""
        folder.mkdir(exist_ok=True)
        model = self.model()
        if isinstance(model, FakeModel) and model.classes != predictions.classes:
            model = replace(model, classes=predictions.classes)
        return self.make().export(predictions, model, folder)

    def export_and_read(self, predictions: Predictions, folder: Path) -> dict[str, bytes]:
        """Export these predictions into `folder`, and return the content of each file, by its path in it."""
        self.export(predictions, folder)
        return read_files(folder)
