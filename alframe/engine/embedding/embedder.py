"""A network that is ready to embed, with the fingerprint that is the key of its features."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from alframe.allocator import keep_freed_memory
from alframe.builtins import REGISTRIES
from alframe.contracts import Backbone
from alframe.data.loading import Batch, load_batches
from alframe.engine.embedding.feature_source import fingerprint_features
from alframe.engine.embedding.runner import NetworkRunner, inference_candidates
from alframe.errors import BadOutput
from alframe.settings import Inference
from alframe.types import Floats, InputSpec, Item


@dataclass(frozen=True, slots=True)
class Embedder:
    """A network in evaluation mode on its device, with the engine that runs it.

    `network_digest` is computed from its weights, structure and input. `recipe` is the recipe of the backbone.
    `fallbacks` are the engines to use, one after the other, if the engine fails.
    """

    module: nn.Module
    input_spec: InputSpec
    dim: int
    network_digest: str
    device: str
    runner: NetworkRunner
    recipe: Mapping[str, Any]
    fallbacks: tuple[Inference, ...] = ()

    @property
    def fingerprint(self) -> str:
        return fingerprint_features(self.network_digest, self.runner.inference, self.device)

    def build(self) -> Embedder:
        return self

    @property
    def not_finite_reason(self) -> str:
        """The reason why an image with NaN, infinite or huge numbers in its embedding is unreadable."""
        return (
            f"the {REGISTRIES['backbone'].describe(self.recipe)} gives values for it that are not finite or too large"
        )

    def next_fallback(self) -> Embedder | None:
        """Return the same network with the first of the fallbacks as its engine; None if there is none."""
        if not self.fallbacks:
            return None
        following, *rest = self.fallbacks
        runner = NetworkRunner(following, self.module, self.input_spec, self.device)
        return replace(self, runner=runner, fallbacks=tuple(rest))


def make_embedder(
    backbone: Backbone,
    recipe: Mapping[str, Any],
    seed: int,
    device: str,
    weights: Mapping[str, torch.Tensor] | None = None,
    inference: Inference = Inference(),
) -> Embedder:
    """Build the network. With `weights`, load these (fine-tuned) weights instead of the pretrained weights.

    `recipe` is the recipe of `backbone`, which distinguishes networks with equal weights but another structure. Raises
    EngineError if the engine of `inference` is not installed.
    """
    keep_freed_memory()
    module = backbone.module(seed, weights=weights is None)
    if weights is not None:
        module.load_state_dict(dict(weights), strict=True)
    return embedder_from_module(module, backbone.input_spec, recipe, device, inference)


def embedder_from_module(
    module: nn.Module, spec: InputSpec, recipe: Mapping[str, Any], device: str, inference: Inference = Inference()
) -> Embedder:
    """Make an embedder from a network with its present weights. Raises EngineError as `make_embedder` does."""
    chosen, *fallbacks = inference_candidates(inference, device)
    module = module.eval().to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's types
    with torch.inference_mode():
        trial = module(torch.zeros(1, spec.channels, spec.size, spec.size, device=device))
    if not isinstance(trial, torch.Tensor) or trial.ndim != 2 or len(trial) != 1:
        shape = tuple(trial.shape) if isinstance(trial, torch.Tensor) else type(trial).__name__
        raise BadOutput(
            f"The {REGISTRIES['backbone'].describe(recipe)} gives {shape} for one image of {spec.size} x {spec.size}, "
            "not an embedding (1, D). Report it to its maintainer, or choose another."
        )
    runner = NetworkRunner(chosen, module, spec, device)
    digest = _digest_network(module, spec, recipe)
    return Embedder(module, spec, int(trial.shape[1]), digest, device, runner, dict(recipe), tuple(fallbacks))


def embed_batches(
    embedder: Embedder, items: Sequence[Item], batches: Sequence[Sequence[int]], workers: int
) -> Iterator[tuple[Batch, Floats]]:
    """Decode and embed images. Yield each batch, and the features (g, D) of its `readable_rows` (g,)."""
    keep_freed_memory()  # this may be another process than the one that made the embedder
    previous: tuple[Batch, torch.Tensor] | None = None
    for batch in load_batches(items, embedder.input_spec, batches, workers):
        current = batch, embed_pixels(embedder, batch.pixels)
        if previous is not None:  # fetched only now: on a GPU the next batch is under way already
            yield previous[0], previous[1].cpu().numpy()
        previous = current
    if previous is not None:
        yield previous[0], previous[1].cpu().numpy()


def embed_pixels(embedder: Embedder, pixels: torch.Tensor) -> torch.Tensor:
    """Turn pixels from 0 to 255, (B, H, W, C), into features (B, D) float32; a GPU may still be computing them."""
    return embedder.runner(pixels) if len(pixels) else torch.empty(0, embedder.dim)


def _digest_network(module: nn.Module, spec: InputSpec, recipe: Mapping[str, Any]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    # A range that is not given is left out: embeddings from before this parameter existed stay valid.
    parameters = {key: value for key, value in recipe.items() if (key, value) != ("value_range", None)}
    described = [parameters, repr(spec), *([] if spec.value_range is None else [spec.value_range])]
    digest.update(json.dumps(described, sort_keys=True, default=str).encode())
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
