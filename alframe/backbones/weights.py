"""Read weights from files without running code, and load them strictly."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alframe.errors import WeightsError
from alframe.kit.libraries import import_timm

if TYPE_CHECKING:
    import torch
    from torch import nn

    State = dict[str, torch.Tensor]

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
_PREFIXES = re.compile(r"^(module\.)?(_orig_mod\.)?")  # left by DataParallel and torch.compile


def read_weights(path: Path) -> State:
    """Return the tensors in a .safetensors file or a .pth/.pt/.bin checkpoint, running no code. Raises WeightsError."""
    import torch

    if not path.is_file():
        raise WeightsError(f"The weights file {path} does not exist. Correct backbone.weights.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise WeightsError(
            f"{path} cannot be read as weights ({type(error).__name__}: {str(error).splitlines()[0]}). "
            "Give a .safetensors file, or a .pth state dict saved with torch.save(model.state_dict(), ...)."
        ) from error
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    tensors = {k: v for k, v in content.items() if isinstance(v, torch.Tensor)} if isinstance(content, Mapping) else {}
    if not tensors:
        raise WeightsError(
            f"{path} contains no state dict (name -> tensor), not even under {', '.join(_WRAPPERS)}. Save one with "
            "torch.save(model.state_dict(), ...)."
        )
    return {_PREFIXES.sub("", name): tensor for name, tensor in tensors.items()}


def load_state(network: nn.Module, state: State, source: str) -> None:
    """Load `state` into a timm network. A classifier in `state` is dropped; all other tensors must be the same.

    timm's own rules adapt a checkpoint with the original names of an architecture, another grid of positions or other
    input channels. Raises WeightsError with the `source` of the weights and the tensors that are missing, unexpected or
    of another shape.
    """
    state = _adapt_state(network, state)
    own = network.state_dict()
    missing = [name for name in own if name not in state and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in state if name not in own]
    shapes = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    differences = {"missing": missing, "unexpected": unexpected, "of another shape": shapes}
    if any(differences.values()):
        found = [
            f"{len(names)} {kind} ({', '.join(names[:3])}{', ...' * (len(names) > 3)})"
            for kind, names in differences.items()
            if names
        ]
        architecture = _pretrained_config(network).get("architecture") or type(network).__name__
        raise WeightsError(
            f"The weights in {source} do not fit {architecture}: {'; '.join(found)}. "
            "Set backbone.model to the architecture that they were saved from."
        )
    network.load_state_dict(state, strict=False)  # all that may be absent is a counter


def _adapt_state(network: nn.Module, state: State) -> State:
    own = network.state_dict()
    for classifier in _layers_in_config(network, "classifier"):
        state = {k: v for k, v in state.items() if k in own or not k.startswith(f"{classifier}.")}
    differs = state.keys() != own.keys() or any(state[name].shape != own[name].shape for name in own)
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if differs and convert is not None:
        try:
            state = convert(dict(state), network)
        except Exception:  # not a layout that it knows; the comparison says how it differs
            return state
    adapt = import_timm().models.adapt_input_conv
    for stem in _layers_in_config(network, "first_conv"):
        name = f"{stem}.weight"
        if name in state and name in own and state[name].shape[1] == 3 != own[name].shape[1]:
            state = state | {name: adapt(own[name].shape[1], state[name])}
    return state


def _layers_in_config(network: nn.Module, entry: str) -> Sequence[str]:
    names = _pretrained_config(network).get(entry) or ()
    return (names,) if isinstance(names, str) else tuple(names)


def _pretrained_config(network: nn.Module) -> Any:
    return getattr(network, "pretrained_cfg", None) or {}
