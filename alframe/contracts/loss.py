"""The contract of losses, by which the backbone is fine-tuned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor, nn


class Loss(Protocol):
    """A recipe for the loss function with which the backbone is fine-tuned."""

    def bind(self, dim: int, classes: int, seed: int) -> nn.Module:
        """Return a module, from embeddings (B, `dim`) float and class numbers (B,) int64 to a scalar.

        Weights of its own (a classifier layer) are trained with the backbone and then dropped. A batch from which
        nothing can be learned (one class only, say) gives a zero that can be differentiated. The module may offer
        `UsesTrainingLabels`.
        """


@runtime_checkable
class CheckableLoss(Protocol):
    """A loss that can check its parameters more thoroughly than its constructor does."""

    def check(self) -> None:
        """Raise BadParams for parameters with which `bind`, or the module, would fail; called before a run begins."""


@runtime_checkable
class UsesTrainingLabels(Protocol):
    """A module from `Loss.bind` that uses the number of labels of each class."""

    def set_training_labels(self, labels: Tensor) -> None:
        """Take note of the class numbers (m,) int64, on the CPU, of all labels; called once before the training."""
