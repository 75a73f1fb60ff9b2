"""Any network of timm (Wightman 2019, github.com/huggingface/pytorch-image-models) as a backbone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alframe.backbones import hub, network
from alframe.backbones.weights import load_state, read_weights
from alframe.errors import BadParams, WeightsError
from alframe.kit.libraries import import_timm
from alframe.types import InputSpec

if TYPE_CHECKING:
    from torch import nn


@dataclass
class Timm:
    """Compute the pooled features of a network of timm."""

    model: str
    pretrained: bool = True
    weights: str | Path | None = None
    in_chans: int = 3
    dim: int | None = None
    normalize: bool = False
    size: int | None = None
    value_range: network.ValueRange | None = None

    @property
    def input_spec(self) -> InputSpec:
        return network.input_spec(self.model, self.in_chans, self.size, self.value_range)

    @property
    def draws_weights(self) -> bool:
        return (self.weights is None and not self.pretrained) or self.dim is not None

    def weights_files(self) -> Sequence[Path] | None:
        if self.weights is not None:
            return [Path(self.weights).expanduser()]
        return hub.cached_files(import_timm().get_pretrained_cfg(self.model)) if self.pretrained else []

    def module(self, seed: int, weights: bool = True) -> nn.Module:
        def build_trunk() -> nn.Module:
            if weights and self.weights is None and self.pretrained:
                return self._create_from_hub()
            bare = network.create_network(self.model, self.in_chans, self.size)
            if weights and self.weights is not None:
                path = Path(self.weights).expanduser()
                load_state(bare, read_weights(path), str(path))
            return bare

        return network.build_embedding_network(build_trunk, self.input_spec, self.dim, self.normalize, seed)

    def _create_from_hub(self) -> nn.Module:
        """Return the network with weights from the hub. Raises WeightsError if they cannot be fetched."""
        config = import_timm().get_pretrained_cfg(self.model)
        if not (config.hf_hub_id or config.url or config.file):
            raise WeightsError(
                f"timm has no pretrained weights for {self.model}. "
                "Choose another model, give backbone.weights=<file>, or set backbone.pretrained=false."
            )
        overlay = hub.cached_weights_overlay(config)
        if config.hf_hub_id and not overlay and (reason := hub.why_unreachable()):
            raise self._explain_unreachable(reason)
        try:
            return network.create_network(
                self.model, self.in_chans, self.size, pretrained=True, pretrained_cfg_overlay=overlay
            )
        except BadParams:
            raise
        except Exception as error:  # whatever the hub, the network or the file brings up
            raise self._explain_unreachable(f"{type(error).__name__}: {error}") from error

    def _explain_unreachable(self, reason: str) -> WeightsError:
        from huggingface_hub import constants

        return WeightsError(
            f"The pretrained weights of {self.model} cannot be downloaded ({reason}). Without the model hub, either\n"
            "  - take backbone=efficientnet_lite0, whose ImageNet weights were installed with alframe,\n"
            "  - give a file that you have: backbone.weights=/path/to/model.safetensors,\n"
            f"  - copy the hub's cache from a machine that is online to {constants.HF_HUB_CACHE}, or\n"
            "  - start from random weights: backbone.pretrained=false."
        )
