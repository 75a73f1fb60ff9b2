"""Build timm networks without their classifiers, with optional layers after them, for the backbones."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from alframe.errors import BadParams
from alframe.kit.libraries import import_timm
from alframe.kit.parameters import did_you_mean
from alframe.kit.seeding import integer_seed
from alframe.types import InputSpec

if TYPE_CHECKING:
    from torch import nn

    from alframe.backbones.embedder_module import EmbeddingNetwork

ValueRange = Sequence[float] | Sequence[Sequence[float]]


def build_embedding_network(
    build_trunk: Callable[[], nn.Module], spec: InputSpec, dim: int | None, normalize: bool, seed: int
) -> EmbeddingNetwork:
    """Build the trunk, and a projection to `dim` if it is given. `seed` decides random weights."""
    if dim is not None and dim < 1:
        raise BadParams(f"backbone.dim={dim}: must be the width of the embedding, or null for the network's own.")
    import torch
    from torch import nn

    from alframe.backbones.embedder_module import EmbeddingNetwork

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(integer_seed(seed, "backbone"))
        network = build_trunk().eval()
        projection = nn.Identity() if dim is None else nn.Linear(_embedding_width(network, spec), dim)
    return EmbeddingNetwork(network, projection, normalize).eval()


def input_spec(model: str, in_chans: int, size: int | None, value_range: ValueRange | None = None) -> InputSpec:
    """Return the input of `model` from timm's table, without building or downloading it.

    The mean and std of red, green and blue are used for other channels in the same way as the first layer's weights:
    one channel gets their mean, and more channels get the three values again and again. Raises BadParams, with a
    suggestion, for a model that timm does not have.
    """
    if in_chans < 1:
        raise BadParams(f"backbone.in_chans={in_chans}: must be the number of bands of the images: 3 for colour.")
    if size is not None and size < 8:
        raise BadParams(f"backbone.size={size}: must be the side in pixels, at least 8, or null for the model's own.")
    config = _pretrained_config(model)
    mean, std = tuple(config.mean), tuple(config.std)
    if in_chans == 1:
        mean, std = (sum(mean) / len(mean),), (sum(std) / len(std),)
    elif in_chans != 3:
        mean, std = (tuple(itertools.islice(itertools.cycle(values), in_chans)) for values in (mean, std))
    pairs = None if value_range is None else _parse_value_range(value_range, in_chans)
    is_usable = config.interpolation in ("bilinear", "nearest")  # timm also has "random" and "lanczos"
    return InputSpec(size or config.input_size[-1], mean, std, config.interpolation if is_usable else "bicubic", pairs)


def _parse_value_range(value_range: ValueRange, in_chans: int) -> tuple[tuple[float, float], ...]:
    try:
        pairs = np.array(value_range, np.float64).reshape(-1, 2)
    except (ValueError, TypeError):
        pairs = np.empty((0, 2))
    if len(pairs) not in (1, in_chans) or not (pairs[:, 0] < pairs[:, 1]).all() or not np.isfinite(pairs).all():
        raise BadParams(
            f"backbone.value_range={value_range}: must be the stored values that become black and white, e.g. "
            f"[0,10000], the lower one first, or {in_chans} such pairs, one for each channel."
        )
    return tuple((float(low), float(high)) for low, high in pairs)


def create_network(model: str, in_chans: int, size: int | None, **options: Any) -> nn.Module:
    """Return the timm network that gives pooled features. Raises BadParams if its patches do not divide `size`."""
    timm = import_timm()
    if size is not None and _pretrained_config(model).fixed_input_size:
        options["img_size"] = size
    network: nn.Module = timm.create_model(model, num_classes=0, in_chans=in_chans, **options)
    for patch in getattr(getattr(network, "patch_embed", None), "patch_size", ()):
        if size is not None and size % patch:
            raise BadParams(f"backbone.size={size}: must be a multiple of {patch} for {model}.")
    return network


def _pretrained_config(model: str) -> Any:
    """Return timm's configuration of the pretrained model. Raises BadParams for an unknown model or weights tag."""
    timm = import_timm()
    bare, _, tag = model.partition(".")
    if not timm.is_model(bare):
        known = timm.list_models()
        raise BadParams(
            f"timm has no model '{model}'.{did_you_mean(bare, known)} "
            f'List all {len(known)}: python -c "import timm; print(*timm.list_models(), sep=chr(10))"'
        )
    tags = [name.partition(".")[2] for name in timm.list_pretrained(f"{bare}.*")] if tag else []
    if tag and tag not in tags:
        raise BadParams(f"timm has no weights '{tag}' for {bare}.{did_you_mean(tag, tags)} Known: {', '.join(tags)}.")
    return timm.get_pretrained_cfg(model)


def _embedding_width(network: nn.Module, spec: InputSpec) -> int:
    """Run the network on one image, and return the width of its output."""
    import torch

    # timm's num_features is not the output's width for every family (MobileNetV3, for one).
    with torch.no_grad():
        return int(network(torch.zeros(1, spec.channels, spec.size, spec.size)).flatten(1).shape[1])
