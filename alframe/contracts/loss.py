"""The contract of losses, by which the backbone is fine-tuned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor, nn


class Loss(Protocol):
    """A recipe for the loss function with which the backbone is fine-tuned."""

    def bind(self, dim: int, classes: int, seed: int) -> nn.Module:
        """Return a module from embeddings (B, `dim`) float and class numbers (B,) int64 to a scalar.

        If the module has weights (a classifier layer), they are trained with the backbone and then dropped. If nothing
        can be learned from a batch (for example, all images are of one class), the module returns a zero that can be
        differentiated. The module may offer `UsesTrainingLabels`.
        """


@runtime_checkable
class CheckableLoss(Protocol):
    """A loss that can check its parameters more thoroughly than its constructor does."""

    def check(self) -> None:
        """Raise BadParams if `bind` or the module would fail with these parameters. Called before a run begins."""


@runtime_checkable
class UsesTrainingLabels(Protocol):
    """A module from `Loss.bind` that uses the number of labels of each class."""

    def set_training_labels(self, labels: Tensor) -> None:
        """Receive the class numbers (m,) int64 of all training images, on the CPU. Called once before the training."""
