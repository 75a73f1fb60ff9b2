"""A frozen stage keeps every bit, statistics included; what is above it learns."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from alframe.backbones.network import build_embedding_network, input_spec
from alframe.compat import import_timm
from alframe.engine.training.freezing import gradients_off, has_weights, parameters_to_freeze, set_train_mode
from alframe.errors import BadParams


def network(model: str, dim: int | None = None) -> nn.Module:
    return build_embedding_network(
        lambda: import_timm().create_model(model, num_classes=0), input_spec(model, 3, 64), dim, normalize=False, seed=0
    )


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    return network("resnet10t", dim=8)


def names(module: nn.Module, freeze: str) -> set[str]:
    frozen = {id(weight) for weight in parameters_to_freeze(module, freeze)}
    return {name for name, weight in module.named_parameters() if id(weight) in frozen}


def test_stages_are_the_stem_and_what_follows_it(resnet: nn.Module) -> None:
    assert names(resnet, "none") == set()
    assert {name.split(".")[1] for name in names(resnet, "0")} == {"conv1", "bn1"}
    assert {name.split(".")[1] for name in names(resnet, "2")} == {"conv1", "bn1", "layer1", "layer2"}
    assert names(resnet, "4") == names(resnet, "all")
    assert {name for name, _ in resnet.named_parameters()} - names(resnet, "all") == {
        "projection.weight",
        "projection.bias",
    }


def test_blocks_of_a_transformer_are_stages() -> None:
    frozen = names(network("test_vit"), "1")
    assert "trunk.pos_embed" in frozen
    assert "trunk.blocks.0.attn.qkv.weight" in frozen
    assert not any(name.startswith("trunk.blocks.1.") for name in frozen)


def test_a_frozen_stage_keeps_its_statistics_and_its_bits(resnet: nn.Module) -> None:
    frozen = parameters_to_freeze(resnet, "2")
    before = {name: tensor.clone() for name, tensor in resnet.state_dict().items()}
    with gradients_off(frozen):
        set_train_mode(resnet, frozen)
        optimiser = torch.optim.SGD([w for w in resnet.parameters() if w.requires_grad], lr=0.1)
        for _ in range(2):
            resnet(torch.randn(4, 3, 64, 64)).square().sum().backward()
            optimiser.step()
    changed = {name for name, tensor in resnet.state_dict().items() if not torch.equal(tensor, before[name])}
    assert not {name for name in changed if name.split(".")[1] in ("conv1", "bn1", "layer1", "layer2")}
    assert {"trunk.layer3.0.bn1.running_mean", "trunk.layer4.0.conv1.weight", "projection.weight"} <= changed
    assert all(weight.requires_grad for weight in resnet.parameters())


@pytest.mark.parametrize(
    ("dim", "freeze", "message"),
    [
        (8, "5", "the stages of this backbone are 0 to 4"),
        (None, "4", r"leaves no weights of the backbone to train: freeze less \(below 4\)"),
        (None, "all", "backbone.dim=256"),
    ],
)
def test_what_cannot_be_says_what_can(dim: int | None, freeze: str, message: str) -> None:
    with pytest.raises(BadParams, match=message):
        parameters_to_freeze(network("resnet10t", dim), freeze)


def test_a_network_may_have_no_weights() -> None:
    assert has_weights(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)))
    assert not has_weights(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))


def test_a_network_without_known_stages() -> None:
    plain = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(BadParams, match="the stages of this backbone are unknown"):
        parameters_to_freeze(plain, "1")
    with pytest.raises(BadParams, match="leaves no weights"):
        parameters_to_freeze(plain, "all")
