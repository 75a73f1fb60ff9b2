"""Fine-tuning forgets activations that would fill the memory, and gives the same weights as if it had kept them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from alframe.backbones.timm import Timm
from alframe.compat import import_timm
from alframe.engine.training import activation_memory
from alframe.engine.training.activation_memory import limit_activation_memory, measure_activation_bytes
from alframe.engine.training.fine_tune import fine_tune
from alframe.losses.softmax import Softmax
from alframe.settings import TrainingPlan
from alframe.types import InputSpec, Item

SPEC = InputSpec(32, (0.5,) * 3, (0.5,) * 3)
PLAN = TrainingPlan(epochs=2, lr=3e-3, weight_decay=1e-4, batching="shuffled", batch_size=4)


def train_tiny_efficientnet(items: list[Item], freeze: str) -> tuple[dict[str, torch.Tensor], int]:
    """Return the trained state, and how often a normalisation in its blocks has run in training mode."""
    module = Timm("test_efficientnet", pretrained=False, dim=16).module(seed=0)
    calls = []
    norm = next(
        layer for name, layer in module.named_modules() if "blocks.1" in name and hasattr(layer, "running_mean")
    )
    norm.register_forward_hook(lambda layer, *_: calls.append(1) if layer.training else None)
    y = np.arange(len(items)) % 2
    fine_tune(module, Softmax().bind(16, 2, 0), items, y, SPEC, replace(PLAN, freeze=freeze), 0, "cpu", 0)
    assert not any(getattr(layer, "grad_checkpointing", False) for layer in module.modules()), "it is for training"
    return module.state_dict(), len(calls)


@pytest.mark.parametrize("freeze", ["none", "0"])
def test_activations_that_are_computed_again_give_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, freeze: str
) -> None:
    """Weights, statistics of the normalisation and the number of its batches, bit for bit."""
    rng = np.random.default_rng(0)
    items = [Item(f"{number}.png", tmp_path / f"{number}.png") for number in range(8)]
    for item in items:
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(item.path)
    kept, calls = train_tiny_efficientnet(items, freeze)
    monkeypatch.setattr(activation_memory, "MAX_CPU_BYTES", 0)
    computed_again, twice_the_calls = train_tiny_efficientnet(items, freeze)
    assert calls == 4  # two epochs of two batches
    assert twice_the_calls == 8 or (freeze == "0" and not hasattr(import_timm().layers, "set_reentrant_ckpt"))
    assert kept.keys() == computed_again.keys()
    assert all(torch.equal(kept[name], computed_again[name]) for name in kept)


def test_activations_are_measured_for_one_image_without_the_weights() -> None:
    pixels = SPEC.size**2
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sigmoid())
    image, sigmoid = 4 * 3 * pixels, 4 * 4 * pixels  # bytes
    assert measure_activation_bytes(network, SPEC, "cpu") == image + sigmoid


def test_a_network_that_cannot_compute_them_again_is_trained_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(activation_memory, "MAX_CPU_BYTES", 0)
    module = Timm("dla46_c", pretrained=False, dim=16).module(seed=0)
    before = {name: weight.clone() for name, weight in module.named_parameters()}
    rng = np.random.default_rng(0)
    items = [Item(f"{number}.png", tmp_path / f"{number}.png") for number in range(4)]
    for item in items:
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(item.path)
    plan = replace(PLAN, epochs=1)
    fine_tune(module, Softmax().bind(16, 2, 0), items, np.array([0, 1, 0, 1]), SPEC, plan, 0, "cpu", 0)
    assert "needs more than" in caplog.text
    assert any(not torch.equal(weight, before[name]) for name, weight in module.named_parameters())


def test_a_network_that_keeps_its_activations_is_named_with_a_batch_that_fits(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sigmoid())
    monkeypatch.setattr(activation_memory, "MAX_CPU_BYTES", 4 * measure_activation_bytes(module, SPEC, "cpu"))
    limit_activation_memory(module, SPEC, 4, "cpu")
    assert not caplog.text
    limit_activation_memory(module, SPEC, 8, "cpu")
    assert "finetune.first.batch_size=4" in caplog.text
