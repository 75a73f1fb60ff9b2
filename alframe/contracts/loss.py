"""A loss says what a good embedding is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import nn


class Loss(Protocol):
    """A recipe for a criterion that fine-tunes the backbone."""

    def bind(self, dim: int, classes: int, seed: int) -> nn.Module:
        """A module: embeddings (B, `dim`) float and class numbers (B,) int64 to a scalar.

        Weights of its own (a classifier layer) are trained with the backbone and then dropped. A batch from which
        nothing can be learned (one class only, say) gives a zero that can be differentiated. The
        module may offer `CountsLabels`.
        """
        ...
