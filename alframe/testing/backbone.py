"""The conformance suite of backbones."""

from __future__ import annotations

import time

import pytest
import torch
from torch import nn

from alframe.contracts import Backbone


class BackboneSuite:
    """Subclass it as TestX, return your backbone from `make`, and pytest does the rest.

    `make` may use random weights where the real ones are large or far away.
    """

    def make(self) -> Backbone:
        raise NotImplementedError

    @pytest.fixture
    def backbone(self) -> Backbone:
        return self.make()

    @pytest.fixture
    def module(self, backbone: Backbone) -> nn.Module:
        return backbone.module(seed=0)

    def images(self, backbone: Backbone, count: int) -> torch.Tensor:
        spec = backbone.input_spec
        return torch.randn(count, spec.channels, spec.size, spec.size, generator=torch.Generator().manual_seed(1))

    def test_input_spec_is_sane_and_cheap(self) -> None:
        backbone = self.make()
        spec = backbone.input_spec
        assert spec.size > 0
        assert spec.channels > 0
        assert len(spec.std) == len(spec.mean)
        assert all(0 <= mean <= 1 and 0 < std <= 1 for mean, std in zip(spec.mean, spec.std, strict=True))
        assert spec.interpolation in ("bicubic", "bilinear", "nearest")
        start = time.perf_counter()  # the first call may import a library
        assert backbone.input_spec == spec
        assert time.perf_counter() - start < 0.5, "input_spec must not build the network"

    def test_gives_one_float32_row_per_image(self, backbone: Backbone, module: nn.Module) -> None:
        module.eval()
        with torch.no_grad():
            out = module(self.images(backbone, 2))
        assert out.dtype == torch.float32
        assert out.ndim == 2
        assert out.shape[0] == 2
        assert torch.isfinite(out).all()
        assert not torch.allclose(out[0], out[1]), "different images must not get the same embedding"

    def test_an_embedding_does_not_depend_on_its_batch(self, backbone: Backbone, module: nn.Module) -> None:
        module.eval()
        images = self.images(backbone, 3)
        with torch.no_grad():
            together, alone = module(images), module(images[:1])
        torch.testing.assert_close(together[:1], alone, rtol=1e-3, atol=1e-4)

    def test_the_same_seed_gives_the_same_network(self, backbone: Backbone, module: nn.Module) -> None:
        torch.manual_seed(99)  # the global generator must not matter
        again = backbone.module(seed=0).state_dict()
        for name, value in module.state_dict().items():
            assert torch.equal(value, again[name]), f"{name} differs between two calls with the same seed"

    def test_building_leaves_the_global_generator_alone(self, backbone: Backbone) -> None:
        before = torch.get_rng_state()
        backbone.module(seed=5, weights=False)
        assert torch.equal(before, torch.get_rng_state()), "draw from the seed, e.g. inside torch.random.fork_rng"

    def test_without_weights_it_takes_a_saved_state(self, backbone: Backbone, module: nn.Module) -> None:
        bare = backbone.module(seed=1, weights=False)
        bare.load_state_dict(module.state_dict(), strict=True)
        images = self.images(backbone, 2)
        module.eval()
        bare.eval()
        with torch.no_grad():
            torch.testing.assert_close(bare(images), module(images))

    def test_it_can_be_trained(self, backbone: Backbone) -> None:
        module = backbone.module(seed=0, weights=False)
        module.train()
        module(self.images(backbone, 2)).square().sum().backward()
        moved = [p for p in module.parameters() if p.grad is not None and p.grad.abs().sum() > 0]
        assert moved, "no gradient reaches the network"

    def test_its_constructor_only_stores(self) -> None:
        start = time.perf_counter()
        self.make()
        assert time.perf_counter() - start < 1.0, "build the network in module(), not in the constructor"
