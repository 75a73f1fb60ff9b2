"""A network that is ready to embed, with the fingerprint that keys what it computed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from alframe.builtins import REGISTRIES
from alframe.contracts import Backbone
from alframe.data.loading import Batch, load
from alframe.engine.embedding.allocator import keep_memory
from alframe.engine.embedding.runner import Runner, choices
from alframe.settings import Inference
from alframe.types import Floats, InputSpec, Item


@dataclass(frozen=True, slots=True)
class Embedder:
    """A network in eval mode on its device, and what runs it.

    `network` is a digest of its weights, its structure and its input. `otherwise` is what to run it with should the
    engine fail.
    """

    module: nn.Module
    spec: InputSpec
    dim: int
    network: str
    device: str
    runner: Runner
    recipe: Mapping[str, Any]
    otherwise: tuple[Inference, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Of the features: features of two engines or precisions are never mixed. Eager fp32 has the network's own."""
        inference = self.runner.inference
        if inference == Inference():
            return self.network
        return hashlib.blake2b(f"{self.network} {inference}".encode(), digest_size=16).hexdigest()

    @property
    def not_finite(self) -> str:
        """The words for an image whose embedding holds NaN or infinity."""
        return f"the {REGISTRIES['backbone'].describe(self.recipe)} gives numbers for it that are not finite"

    def stepped_back(self) -> Embedder | None:
        """The same network, run with what comes next; None if there is nothing."""
        if not self.otherwise:
            return None
        following, *rest = self.otherwise
        return replace(self, runner=Runner(following, self.module, self.spec, self.device), otherwise=tuple(rest))


def make_embedder(
    backbone: Backbone,
    recipe: Mapping[str, Any],
    seed: int,
    device: str,
    state: Mapping[str, torch.Tensor] | None = None,
    inference: Inference = Inference(),
) -> Embedder:
    """Build the network; with `state`, load these (fine-tuned) weights instead of the pretrained ones.

    `recipe` is the backbone's configuration: it tells apart networks with equal weights but another structure. Raises
    EngineError if the engine of `inference` is not there.
    """
    keep_memory()
    module = backbone.module(seed, weights=state is None)
    if state is not None:
        module.load_state_dict(dict(state), strict=True)
    return wrap(module, backbone.input_spec, recipe, device, inference)


def wrap(
    module: nn.Module,
    spec: InputSpec,
    recipe: Mapping[str, Any],
    device: str,
    inference: Inference = Inference(),
) -> Embedder:
    """The embedder of a network as it is now."""
    chosen, *otherwise = choices(inference, device)
    module = module.eval().to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    with torch.inference_mode():
        trial = module(torch.zeros(1, spec.channels, spec.size, spec.size, device=device))
    runner = Runner(chosen, module, spec, device)
    network = _fingerprint(module, spec, recipe)
    return Embedder(module, spec, int(trial.shape[1]), network, device, runner, dict(recipe), tuple(otherwise))


def embed_batches(
    embedder: Embedder, items: Sequence[Item], batches: Sequence[Sequence[int]], workers: int
) -> Iterator[tuple[Batch, Floats]]:
    """Decode and embed; for each batch what was read, and features (g, D) of the readable ones in `batch.good`."""
    before: tuple[Batch, torch.Tensor] | None = None
    for batch in load(items, embedder.spec, batches, workers):
        now = batch, embed_pixels(embedder, batch.pixels)
        if before is not None:  # fetched only now: on a GPU the next batch is under way already
            yield before[0], before[1].cpu().numpy()
        before = now
    if before is not None:
        yield before[0], before[1].cpu().numpy()


def embed_pixels(embedder: Embedder, pixels: torch.Tensor) -> torch.Tensor:
    """Pixels from 0 to 255, (B, H, W, C), to features (B, D) float32; on a GPU they are still being computed."""
    if not len(pixels):
        return torch.empty(0, embedder.dim)
    return embedder.runner(pixels)


def _fingerprint(module: nn.Module, spec: InputSpec, recipe: Mapping[str, Any]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    # A range that is not given is not named: what was embedded before there was such a parameter still counts.
    named = {key: value for key, value in recipe.items() if (key, value) != ("value_range", None)}
    described = [named, repr(spec), *([] if spec.value_range is None else [spec.value_range])]
    digest.update(json.dumps(described, sort_keys=True, default=str).encode())
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
