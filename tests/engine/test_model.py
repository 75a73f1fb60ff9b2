"""A saved model needs nothing but its folder, and says what is wrong with one that is not whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import alframe
from alframe.builtins import REGISTRIES
from alframe.contracts import ExportableHead, TimmNetwork
from alframe.engine.checked_head import CheckedHead
from alframe.engine.embedding.embedder import make_embedder
from alframe.engine.model import Model, load_model
from alframe.errors import PoolError, StoreError
from alframe.testing.tiny import tiny_pool
from alframe.types import Item

RECIPE = {"name": "timm", "model": "test_resnet", "pretrained": False, "size": 32, "dim": 16}


@pytest.fixture(params=["linear", "mlp"])
def model(request: pytest.FixtureRequest) -> Model:
    embedder = make_embedder(REGISTRIES["backbone"].build(RECIPE), RECIPE, seed=7, device="cpu")
    head = REGISTRIES["head"].build({"name": request.param})
    rng = np.random.default_rng(0)
    head.fit(rng.normal(size=(30, 16)).astype(np.float32), rng.integers(3, size=30), 3, rng)
    return Model(embedder, head, ("badger", "füchse", "hare"), RECIPE, {"name": request.param})


def test_it_gives_the_same_probabilities_when_loaded(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    images = sorted(tiny_pool(tmp_path / "images", each=4).rglob("*.png"))
    again = alframe.load_model(str(tmp_path / "model"))
    assert again.classes == model.classes
    np.testing.assert_array_equal(again.predict_probs([str(image) for image in images]), model.predict_probs(images))
    assert sorted(path.suffix for path in (tmp_path / "model").iterdir()) == [".json", ".safetensors", ".safetensors"]


def test_what_exporters_see_gives_the_same_probabilities(model: Model, tmp_path: Path) -> None:
    (image,) = tiny_pool(tmp_path / "images", classes=1, each=1, size=32).rglob("*.png")
    network, head = model.copy_backbone_network(), CheckedHead(model.head, model.head_recipe)
    assert isinstance(network, TimmNetwork) and isinstance(head, ExportableHead)
    pixels = torch.from_numpy(np.asarray(Image.open(image)).transpose(2, 0, 1)[None] / np.float32(255))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (model.input_spec.mean, model.input_spec.std))
    with torch.inference_mode():
        probs = head.logits_module()(network((pixels - mean) / std)).softmax(dim=1)
    np.testing.assert_allclose(probs.numpy(), model.predict_probs([image]), atol=1e-5)
    network.requires_grad_(False).projection.bias.zero_()
    assert model.embedder.module.projection.bias.any(), "an exporter gets a copy"


def test_an_image_that_cannot_be_read_is_named(model: Model, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"x")
    with pytest.raises(PoolError, match=r"bad\.jpg"):
        model.predict_probs([tmp_path / "bad.jpg"])


def test_an_image_without_a_finite_embedding_costs_itself_alone(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = sorted(tiny_pool(tmp_path / "images", each=2).rglob("*.png"))
    whole = model.predict_probs(images)
    network = model.embedder.runner.__call__

    def spoilt(self, pixels):
        features = network(pixels).clone()
        features[1, 3] = float("nan")
        return features

    monkeypatch.setattr(type(model.embedder.runner), "__call__", spoilt)
    items = [Item(id=path.name, path=path) for path in images]
    (_, probs, reasons), *_ = model.predict_batches(items, workers=0)
    assert [row for row, why in enumerate(reasons) if why is not None] == [1]
    assert "backbone 'timm' (alframe" in str(reasons[1])
    np.testing.assert_allclose(np.delete(probs, 1, 0), np.delete(whole, 1, 0)[: len(probs) - 1], atol=1e-6)


def test_what_is_missing_damaged_or_too_new_is_named(model: Model, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no model in .*no model\.json"):
        load_model(tmp_path)
    folder = tmp_path / "model"
    model.save(folder)
    whole = (folder / "model.json").read_text(encoding="utf-8")
    data = json.loads(whole)
    changes = {"written by a newer alframe": {"format": 99}, "was saved with images prepared as": {"preprocessing": {}}}
    for message, change in changes.items():
        (folder / "model.json").write_text(json.dumps({**data, **change}), encoding="utf-8")
        with pytest.raises(StoreError, match=message):
            load_model(folder)
    (folder / "model.json").write_text(whole[:40], encoding="utf-8")
    with pytest.raises(StoreError, match="is damaged"):
        load_model(folder)
    (folder / "model.json").write_text(whole, encoding="utf-8")
    (folder / "backbone.safetensors").write_bytes(b"x")
    with pytest.raises(StoreError, match="cannot be read"):
        load_model(folder)


def test_a_model_that_would_not_load_alike_is_not_written(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(model.head), "load", lambda self, state: self.fit(  # a head that forgets
        np.random.default_rng(1).normal(size=(9, 16)).astype(np.float32), np.arange(9) % 3, 3, np.random.default_rng(1)
    ))  # fmt: skip
    with pytest.raises(StoreError, match="probabilities of the saved head differ"):
        model.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())
