from __future__ import annotations

import json
from pathlib import Path

import pytest

from alframe.exporters.model import ModelFolder
from alframe.testing.exporter import CLASSES, ExporterSuite, FakeModel, write_tiny_predictions


class TestModel(ExporterSuite):
    writes_predictions = writes_labels = False

    def make(self) -> ModelFolder:
        return ModelFolder()


def test_the_model_is_in_the_folder_model(tmp_path: Path) -> None:
    (path,) = ModelFolder().export(write_tiny_predictions(tmp_path), FakeModel(), tmp_path)
    assert path == tmp_path / "model" / "classes.json"
    assert tuple(json.loads(path.read_text("utf-8"))) == CLASSES


def test_nothing_of_an_earlier_model_stays(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old.safetensors").touch()
    ModelFolder().export(write_tiny_predictions(tmp_path), FakeModel(), tmp_path)
    assert [file.name for file in (tmp_path / "model").iterdir()] == ["classes.json"]


def test_a_model_that_fails_to_save_leaves_the_earlier_one(tmp_path: Path) -> None:
    class Broken(FakeModel):
        def save(self, folder: Path) -> None:
            super().save(folder)
            raise RuntimeError("the saved model predicts something else")

    ModelFolder().export(write_tiny_predictions(tmp_path), FakeModel(), tmp_path)
    with pytest.raises(RuntimeError):
        ModelFolder().export(write_tiny_predictions(tmp_path), Broken(("other",)), tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model", "pool"]
    assert tuple(json.loads((tmp_path / "model" / "classes.json").read_text("utf-8"))) == CLASSES
