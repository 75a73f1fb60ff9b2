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
        nothing can be learned (one class only, say) gives a zero that can be differentiated. If the module has a
        method `count`, it is called before the training with the class numbers (m,) int64 of all labels in it, on the
        CPU, for a loss that weighs classes by how many they are.
        """
        ...
