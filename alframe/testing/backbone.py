"""The conformance suite of backbones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from alframe.contracts import Backbone, HasWeightsFiles
from alframe.testing.other_process import as_in_another_process, assert_moves_to_another_device
from alframe.testing.part import PartSuite

NO_WEIGHTS = "the backbone has no weights (no parameters, draws_weights = False, and weights_files() gives ())"
DECLARE_NO_WEIGHTS = (
    "keep constants in buffers, set draws_weights = False, and let weights_files() return (): "
    'docs/backbones.md, "A backbone of your own"'
)


class BackboneSuite(PartSuite[Backbone]):
    """Tests of every backbone. Write a subclass with a name like TestX, whose `make` returns your backbone.

    If the real weights are large, or must be downloaded, `make` may use random weights. If a backbone has no weights
    (for example, it computes colour histograms), `draws_weights` is False, and `weights_files()` returns ().
    """

    @pytest.fixture
    def backbone(self) -> Backbone:
        return self.make()

    @pytest.fixture
    def module(self, backbone: Backbone) -> nn.Module:
        return backbone.module(seed=0)

    def images(self, backbone: Backbone, count: int) -> torch.Tensor:
        """Return random images (`count`, C, H, W) as the backbone wants them."""
        spec = backbone.input_spec
        return torch.randn(count, spec.channels, spec.size, spec.size, generator=torch.Generator().manual_seed(1))

    def test_input_spec_is_valid(self, backbone: Backbone) -> None:
        spec = backbone.input_spec
        assert spec.size > 0, f"input_spec.size={spec.size}: must be above 0"
        assert spec.channels > 0, f"input_spec.channels={spec.channels}: must be above 0"
        assert len(spec.std) == len(spec.mean), "input_spec.mean and .std must have as many numbers"
        for mean, std in zip(spec.mean, spec.std, strict=True):
            assert 0 <= mean <= 1 and 0 < std <= 1, f"mean {mean} and std {std} must be of pixels from 0 to 1"
        assert spec.interpolation in ("bicubic", "bilinear", "nearest"), f"interpolation is {spec.interpolation!r}"

    def test_constructor_and_input_spec_build_no_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        expected = self.make().input_spec  # the first call may import a library

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("build the network in module(), not in the constructor or in input_spec")

        monkeypatch.setattr(nn.Module, "__init__", refuse)
        assert self.make().input_spec == expected, "two backbones of the same parameters differ in input_spec"

    def test_gives_one_float32_row_per_image(self, backbone: Backbone, module: nn.Module) -> None:
        module.eval()
        with torch.no_grad():
            embeddings = module(self.images(backbone, 2))
        assert embeddings.dtype == torch.float32, f"embeddings must be float32, and are {embeddings.dtype}"
        assert embeddings.ndim == 2 and len(embeddings) == 2, f"(2, D) is expected, and the shape is {embeddings.shape}"
        assert torch.isfinite(embeddings).all(), "embeddings must be finite"
        assert not torch.allclose(embeddings[0], embeddings[1]), "different images must not get the same embedding"

    def test_embedding_does_not_depend_on_the_batch(self, backbone: Backbone, module: nn.Module) -> None:
        module.eval()
        images = self.images(backbone, 3)
        with torch.no_grad():
            together, alone = module(images), [module(images[row : row + 1]) for row in range(3)]
        message = "an image gets another embedding alone than among others"
        _assert_close(together, torch.cat(alone), message, rtol=1e-3, atol=1e-4)

    @pytest.mark.parametrize("count", [1, 2, 9, 33])
    def test_batches_of_any_size(self, backbone: Backbone, module: nn.Module, count: int) -> None:
        module.eval()
        with torch.no_grad():
            embeddings = module(self.images(backbone, count))
        assert len(embeddings) == count, f"{count} images get {len(embeddings)} embeddings"

    def test_does_not_change_while_it_is_used(self, backbone: Backbone, module: nn.Module) -> None:
        module.eval()
        images = self.images(backbone, 3)
        given, before = images.clone(), {name: value.clone() for name, value in module.state_dict().items()}
        with torch.no_grad():
            first, second, third = module(images), module(images), module(images)
        assert torch.equal(images, given), "the images were changed"
        assert torch.equal(first, second) and torch.equal(second, third), "the same images get other embeddings later"
        for name, value in module.state_dict().items():
            assert torch.equal(value, before[name]), f"{name} changes in evaluation mode"

    @pytest.mark.parametrize("value", [0.0, 1.0, -2.0])
    def test_image_of_one_colour_has_a_finite_embedding(
        self, backbone: Backbone, module: nn.Module, value: float
    ) -> None:
        module.eval()
        with torch.no_grad():
            embeddings = module(torch.full_like(self.images(backbone, 2), value))
        assert torch.isfinite(embeddings).all(), f"a picture in which every pixel is {value} gets no finite embedding"

    def test_another_seed_gives_other_weights(self, backbone: Backbone) -> None:
        are_equal = _has_state(*(backbone.module(seed=seed, weights=False) for seed in (0, 1)))
        if self._declares_no_weights(backbone):
            assert are_equal, f"{NO_WEIGHTS}, but its state depends on the seed: draws_weights must be True"
        else:
            assert not are_equal, (
                f"random weights must come from the seed, and they are the same for two seeds. If there is nothing to "
                f"train, as in colour histograms: {DECLARE_NO_WEIGHTS}"
            )

    def test_same_seed_gives_the_same_network(self, backbone: Backbone, module: nn.Module) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(99)  # the global generator must not matter, and neither must the clock or hash()
            with as_in_another_process():
                second = backbone.module(seed=0).state_dict()
        for name, value in module.state_dict().items():
            assert torch.equal(value, second[name]), f"{name} differs between two calls with the same seed"

    def test_moves_to_another_device(self, backbone: Backbone) -> None:
        assert_moves_to_another_device(backbone.module(seed=0, weights=False).eval(), self.images(backbone, 2))

    def test_what_it_says_of_its_weights_is_true(self, backbone: Backbone, module: nn.Module) -> None:
        if not isinstance(backbone, HasWeightsFiles):
            pytest.skip("it says nothing of its weights")
        files = backbone.weights_files()
        wrong = [file for file in files or () if not isinstance(file, Path) or not file.is_file()]
        assert not wrong, (
            f"weights_files() names {wrong[0]!r}, which is not the Path of a file: name the files that module() reads, "
            f"or return None if they are not known"
        )
        if backbone.draws_weights:
            return
        assert _has_state(module, backbone.module(seed=1)), (
            "draws_weights is False, but another seed gives other weights: set it to True, or the network of another "
            "seed is taken for this one"
        )
        without = backbone.module(seed=0, weights=False)
        assert files is None or files or not list(module.parameters()) or _has_state(module, without), (
            "weights_files() returns (), but module() has weights that weights=False leaves out. Name their files, "
            "or return None, or changed weights are taken for the old ones"
        )

    def test_leaves_the_global_generator_alone(self, backbone: Backbone) -> None:
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
            message = (
                "a network that has loaded the state of another gives other embeddings: the state must be complete"
            )
            _assert_close(bare(images), module(images), message, rtol=1.3e-6, atol=1e-5)

    def test_can_be_trained(self, backbone: Backbone) -> None:
        module = backbone.module(seed=0, weights=False)
        if self._declares_no_weights(backbone):
            pytest.skip("there are no weights")
        assert list(module.parameters()), (
            f"the network has no parameters, so fine-tuning can train nothing. If this is meant: {DECLARE_NO_WEIGHTS}"
        )
        module.train()
        module(self.images(backbone, 2)).square().sum().backward()
        gradients = [weight.grad for weight in module.parameters() if weight.grad is not None]
        assert any(gradient.abs().sum() > 0 for gradient in gradients), "no gradient reaches the network"

    def _declares_no_weights(self, backbone: Backbone) -> bool:
        """Return whether the backbone declares that nothing is drawn from the seed, and has nothing to train."""
        if list(backbone.module(seed=0, weights=False).parameters()) or not isinstance(backbone, HasWeightsFiles):
            return False
        files = backbone.weights_files()
        return not backbone.draws_weights and files is not None and not files


def _has_state(module: nn.Module, other: nn.Module) -> bool:
    states = zip(module.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(one, another) for one, another in states)


def _assert_close(found: torch.Tensor, expected: torch.Tensor, message: str, rtol: float, atol: float) -> None:
    torch.testing.assert_close(found, expected, rtol=rtol, atol=atol, msg=lambda detail: f"{message}\n{detail}")
