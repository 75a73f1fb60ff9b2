"""A loss that classifies the embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from alframe.kit.parameters import require_one_of, require_parameter

if TYPE_CHECKING:
    from torch import nn

Weighting = Literal["none", "balanced", "effective"]


class Softmax:
    """Classify the embedding by a linear layer, with cross-entropy.

    The linear layer is trained together with the network. It is not kept afterwards.
    """

    def __init__(self, label_smoothing: float = 0.0, weighting: Weighting = "none", beta: float = 0.999) -> None:
        require_parameter("loss 'softmax'", 0 <= label_smoothing < 1, "0 to below 1", label_smoothing=label_smoothing)
        require_one_of("loss 'softmax'", get_args(Weighting), weighting=weighting)
        require_parameter("loss 'softmax'", 0 <= beta < 1, "0 to below 1", beta=beta)
        self.label_smoothing, self.weighting, self.beta = label_smoothing, weighting, beta

    def bind(self, dim: int, classes: int, seed: int) -> nn.Module:
        from alframe.losses.softmax_module import make_softmax_loss

        return make_softmax_loss(dim, classes, seed, self.label_smoothing, self.weighting, self.beta)
