"""The exporters keep their contract, and refuse what they cannot hold."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alframe_onnx.onnx_file import Onnx
from alframe_onnx.timm_folder import Timm
from alframe_onnx.torch_program import TorchExport
from PIL import Image
from torch import nn

import alframe
from alframe.contracts import Exporter, Head
from alframe.errors import AlframeError, BadParams, StoreError
from alframe.kit.composite import build_part
from alframe.testing import ExporterSuite
from alframe.testing.exporter import FakeModel, write_tiny_predictions
from alframe.types import Floats, InputSpec, Predictions


@dataclass
class TimmModel(FakeModel):
    """A model whose network is one of timm, with random weights."""

    backbone_recipe: Mapping[str, Any] = field(
        default_factory=lambda: {"name": "timm", "model": "test_resnet", "pretrained": False, "size": 32}
    )

    @cached_property
    def _backbone(self) -> Any:
        return build_part("backbone", self.backbone_recipe)

    def __post_init__(self) -> None:
        self.input_spec = self._backbone.input_spec

    @property
    def head(self) -> Head:
        """Return a head that gives every class the same probability."""
        head: Head = build_part("head", self.head_recipe)
        count = len(self.classes)
        width = self.backbone_recipe.get("dim", 96)
        head.fit(np.zeros((count, width), np.float32), np.arange(count), count, np.random.default_rng(0))
        return head

    def copy_backbone_network(self) -> nn.Module:
        """Return the network."""
        module: nn.Module = self._backbone.module(seed=0)
        return module


def pictures(folder: Path, count: int = 7, seed: int = 0) -> Predictions:
    """Return predictions whose files are pictures."""
    predictions = write_tiny_predictions(folder, count, seed)
    rng = np.random.default_rng(seed)
    for item in predictions.items:
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(item.path)
    return predictions


class PictureSuite(ExporterSuite):
    writes_predictions = writes_labels = False

    def predictions(self, folder: Path, count: int = 7, seed: int = 0) -> Predictions:
        return pictures(folder, count, seed)


class TestTimm(PictureSuite):
    def make(self) -> Timm:
        return Timm()

    def model(self) -> TimmModel:
        return TimmModel()


@pytest.mark.slow  # each export takes seconds, and every test of the suite makes several
class TestOnnx(PictureSuite):
    def make(self) -> Onnx:
        return Onnx()


@pytest.mark.slow
class TestTorchExport(PictureSuite):
    def make(self) -> TorchExport:
        return TorchExport()


class Lying(FakeModel):
    """A model whose predictions are not those of its network and head."""

    def predict_probs(self, paths: Sequence[Path]) -> Floats:
        """Return the first class."""
        return np.tile(np.array([[1, 0, 0, 0]], np.float32), (len(paths), 1))


@pytest.mark.parametrize("exporter", [Onnx(), TorchExport()])
def test_a_file_that_differs_from_the_run_is_not_written(exporter: Exporter, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(StoreError, match=r"differs from this run on .*jpg by 0\.75 .*, and 0\.1 is allowed"):
        exporter.export(pictures(tmp_path), Lying(), out)
    assert not list(out.iterdir())


def test_a_folder_that_differs_from_the_run_leaves_the_earlier_one(tmp_path: Path) -> None:
    class LyingTimm(TimmModel):
        predict_probs = Lying.predict_probs

    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(StoreError, match=r"exporter 'timm': .* differs"):
        Timm().export(pictures(tmp_path), LyingTimm(), out)
    assert not list(out.iterdir())
    Timm().export(pictures(tmp_path), TimmModel(), out)
    before = {file: file.read_bytes() for file in (out / "timm").iterdir()}
    with pytest.raises(StoreError):
        Timm().export(pictures(tmp_path), LyingTimm(), out)
    assert before == {file: file.read_bytes() for file in (out / "timm").iterdir()}


def test_a_conversion_that_changes_the_numbers_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from alframe_onnx import torch_program

    monkeypatch.setattr(torch_program, "torch_predictor", _one_after_the_other(np.full(4, 0.25), np.full(4, 0.26)))
    with pytest.raises(StoreError, match=r"differs from the network by 0\.01"):
        TorchExport().export(pictures(tmp_path), FakeModel(), tmp_path)
    assert not list(tmp_path.glob("*.pt2"))


def test_a_head_whose_state_has_empty_arrays_is_exported(tmp_path: Path) -> None:
    """Such as the default head, if its predictions do not fall off with the distance."""
    model = FakeModel(head_recipe={"name": "auto"})
    assert not all(array.size for array in model.head.state().values())
    assert TorchExport().export(pictures(tmp_path), model, tmp_path) == [tmp_path / "model.pt2"]


def _one_after_the_other(*answers: Floats) -> Any:
    """Return a stand-in for `torch_predictor`, whose predictors give one answer each, in turn."""
    turns = iter(answers)

    def make(_: nn.Module) -> Any:
        answer = next(turns)
        return lambda picture: answer

    return make


@dataclass
class Votes:
    """A head without the ability `ExportableHead`."""

    stochastic: bool = False


class Unexportable(FakeModel):
    head = Votes()
    head_recipe: Mapping[str, Any] = {"name": "votes"}


@pytest.mark.parametrize("exporter", [Onnx(), TorchExport(), Timm()])
def test_what_cannot_be_held_is_refused_with_the_reason(exporter: Exporter, tmp_path: Path) -> None:
    with pytest.raises(AlframeError, match="cannot be computed by PyTorch"):
        exporter.export(pictures(tmp_path), Unexportable(), tmp_path)
    five = FakeModel(input_spec=InputSpec(16, (0.5,) * 5, (0.5,) * 5))
    with pytest.raises(AlframeError, match="takes images of 5 channels"):
        exporter.export(pictures(tmp_path), five, tmp_path)
    wide = FakeModel(input_spec=InputSpec(16, (0.5,) * 3, (0.5,) * 3, value_range=((0, 10000),)))
    with pytest.raises(AlframeError, match="takes images of values in"):
        exporter.export(pictures(tmp_path), wide, tmp_path)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (TimmModel(head_recipe={"name": "prototype"}), "head .*prototype.* is not linear in the embedding"),
        (TimmModel(backbone_recipe={**TimmModel().backbone_recipe, "normalize": True}), "scales its embedding"),
        (FakeModel(), "is no model of timm"),
    ],
)
def test_timm_refuses_what_its_layout_cannot_hold(model: FakeModel, message: str, tmp_path: Path) -> None:
    with pytest.raises(AlframeError, match=message):
        Timm().export(pictures(tmp_path), model, tmp_path)
    assert not (tmp_path / "timm").exists()


@pytest.mark.parametrize("head", ["prototype", "knn", "mlp", "laplace", "ensemble"])
def test_heads_are_exported_as_they_predict(head: str, tmp_path: Path) -> None:
    """A head that is not linear is exported as well; here by .pt2, which is the fastest to write."""
    model = FakeModel(head_recipe={"name": head})
    rng = np.random.default_rng(0)
    fitted: Head = build_part("head", model.head_recipe)
    fitted.fit(rng.normal(size=(40, 3)).astype(np.float32), rng.integers(4, size=40), 4, rng)

    class Fitted(FakeModel):
        head = fitted

        def predict_probs(self, paths: Sequence[Path]) -> Floats:
            squares = [Image.open(path).convert("RGB").resize((16, 16), Image.Resampling.BICUBIC) for path in paths]
            features = [(np.asarray(square).mean(axis=(0, 1)) / 255 - 0.5) / 0.5 for square in squares]
            return fitted.probs(np.array(features, np.float32))

    TorchExport(tolerance=1e-4).export(pictures(tmp_path), Fitted(), tmp_path)


def test_pools_without_an_eight_bit_picture(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    predictions = write_tiny_predictions(tmp_path)
    for item in predictions.items:
        Image.fromarray(np.zeros((20, 30), np.uint16)).save(item.path, format="PNG")
    with pytest.raises(StoreError, match="none of 7 images of the pool is an 8-bit picture"):
        TorchExport().export(predictions, FakeModel(), tmp_path)
    with caplog.at_level(logging.WARNING):
        TorchExport().export(pictures(tmp_path, count=0), FakeModel(), tmp_path)
    assert "there is no image to compare" in caplog.text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Onnx(file="a/model.onnx"), "must be the name of a file"),
        (lambda: Onnx(file="model.pb"), "ends with .onnx"),
        (lambda: TorchExport(file="model.onnx"), "ends with .pt2"),
        (lambda: Timm(folder="../timm"), "without another folder"),
        (lambda: Onnx(images=0), "images=0: must be at least 1"),
        (lambda: Timm(tolerance=1.5), "tolerance=1.5"),
    ],
)
def test_wrong_parameters_are_named(make: Any, message: str) -> None:
    with pytest.raises(BadParams, match=message):
        make()


@pytest.mark.parametrize(("name", "kind"), [("onnx", Onnx), ("timm", Timm), ("torch_export", TorchExport)])
def test_they_can_be_chosen(name: str, kind: type) -> None:
    config = alframe.compose(f"exporter={name}", f"exporter.{name}.images=5")
    exporter = build_part("exporter", config.exporter[name])
    assert isinstance(exporter, kind)
    assert exporter.comparison.images == 5
