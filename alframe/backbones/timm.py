"""Any network of timm (Wightman 2019, github.com/huggingface/pytorch-image-models) as a backbone."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from alframe.backbones import hub, network
from alframe.backbones.weights import fit, read
from alframe.errors import BadParams, WeightsError
from alframe.kit.libraries import import_timm
from alframe.types import InputSpec


class Timm:
    """The pooled features of timm's `model`, optionally projected to `dim` and scaled to unit length.

    Weights come from the file `weights` if given, else, with `pretrained`, from the model hub (or its local cache),
    else from the seed. `in_chans` is the number of bands of an image: 1 reads any picture as grey, 3 as colour.
    `size` overrides the input's side in pixels. `value_range` are the stored values that become black and white,
    (low, high) for all bands or for each; None takes 8-bit pictures as they are.
    """

    def __init__(
        self,
        model: str,
        pretrained: bool = True,
        weights: str | Path | None = None,
        in_chans: int = 3,
        dim: int | None = None,
        normalize: bool = False,
        size: int | None = None,
        value_range: network.ValueRange | None = None,
    ) -> None:
        self.model = model
        self.pretrained = pretrained
        self.weights = weights
        self.in_chans = in_chans
        self.dim = dim
        self.normalize = normalize
        self.size = size
        self.value_range = value_range

    @property
    def input_spec(self) -> InputSpec:
        return network.input_spec(self.model, self.in_chans, self.size, self.value_range)

    def module(self, seed: int, weights: bool = True) -> nn.Module:
        def trunk() -> nn.Module:
            if weights and self.weights is None and self.pretrained:
                return self._from_hub()
            bare = network.build(self.model, self.in_chans, self.size)
            if weights and self.weights is not None:
                path = Path(self.weights).expanduser()
                fit(bare, read(path), str(path))
            return bare

        return network.embedder(trunk, self.input_spec, self.dim, self.normalize, seed)

    def _from_hub(self) -> nn.Module:
        config = import_timm().get_pretrained_cfg(self.model)
        if not (config.hf_hub_id or config.url or config.file):
            raise WeightsError(
                f"timm has no pretrained weights for {self.model}. "
                "Choose another model, give backbone.weights=<file>, or set backbone.pretrained=false."
            )
        overlay = hub.source(config)
        if config.hf_hub_id and not overlay and (reason := hub.out_of_reach()):
            raise self._unreachable(reason)
        try:
            return network.build(self.model, self.in_chans, self.size, pretrained=True, pretrained_cfg_overlay=overlay)
        except BadParams:
            raise
        except Exception as error:  # whatever the hub, the network or the file brings up
            raise self._unreachable(f"{type(error).__name__}: {error}") from error

    def _unreachable(self, reason: str) -> WeightsError:
        return WeightsError(
            f"The pretrained weights of {self.model} cannot be had ({reason}). Without the model hub, either\n"
            "  - take backbone=efficientnet_lite0, whose ImageNet weights were installed with alframe,\n"
            "  - give a file that you have: backbone.weights=/path/to/model.safetensors,\n"
            f"  - copy the hub's cache from a machine that is online to {hub.cache_folder()}, or\n"
            "  - start from random weights: backbone.pretrained=false."
        )
