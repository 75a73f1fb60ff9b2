"""The ability of a head to become a part of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import nn


@runtime_checkable
class ExportableHead(Protocol):
    """A head that exporters can write together with the network, for programs that do not use alframe."""

    def logits_module(self) -> nn.Module:
        """Return a module from embeddings (B, D) to logits (B, C), float32 on the CPU. Their softmax gives `probs`.

        If the logits are linear in the embedding, the module is an `nn.Linear`, which can replace the classifier of the
        network. Call the method after `fit` or `load`.
        """
