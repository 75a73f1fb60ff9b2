"""A network that is ready to embed, with the fingerprint that keys what it computed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from alframe.contracts import Backbone
from alframe.data.loading import Batch, load, normalise
from alframe.engine.allocator import keep_memory
from alframe.types import Floats, InputSpec, Item


@dataclass(frozen=True, slots=True)
class Embedder:
    """A network in eval mode on its device; `fingerprint` changes with its weights, its structure and its input."""

    module: nn.Module
    spec: InputSpec
    dim: int
    fingerprint: str
    device: str


def make_embedder(
    backbone: Backbone,
    recipe: Mapping[str, Any],
    seed: int,
    device: str,
    state: Mapping[str, torch.Tensor] | None = None,
) -> Embedder:
    """Build the network; with `state`, load these (fine-tuned) weights instead of the pretrained ones.

    `recipe` is the backbone's configuration: it tells apart networks with equal weights but another structure.
    """
    keep_memory()
    module = backbone.module(seed, weights=state is None)
    if state is not None:
        module.load_state_dict(dict(state), strict=True)
    return wrap(module, backbone.input_spec, recipe, device)


def wrap(module: nn.Module, spec: InputSpec, recipe: Mapping[str, Any], device: str) -> Embedder:
    """The embedder of a network as it is now."""
    module = module.eval().to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    with torch.inference_mode():
        trial = module(torch.zeros(1, spec.channels, spec.size, spec.size, device=device))
    return Embedder(module, spec, int(trial.shape[1]), _fingerprint(module, spec, recipe), device)


def embed_batches(
    embedder: Embedder, items: Sequence[Item], batches: Sequence[Sequence[int]], workers: int
) -> Iterator[tuple[Batch, Floats]]:
    """Decode and embed; for each batch what was read, and features (g, D) of the readable ones in `batch.good`."""
    for batch in load(items, embedder.spec, batches, workers):
        yield batch, embed_pixels(embedder, batch.pixels)


def embed_pixels(embedder: Embedder, pixels: torch.Tensor) -> Floats:
    """Pixels from 0 to 255, (B, H, W, C), to features (B, D) float32."""
    if not len(pixels):
        return np.empty((0, embedder.dim), np.float32)
    with torch.inference_mode():
        features = embedder.module(normalise(pixels, embedder.spec, embedder.device))
    return features.float().cpu().numpy()  # type: ignore[no-any-return]


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
