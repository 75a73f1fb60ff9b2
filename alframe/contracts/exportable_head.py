"""The ability of a head to become a part of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import nn


@runtime_checkable
class ExportableHead(Protocol):
    """A head that exporters can write together with the network, for programs that do not use alframe."""

    def logits_module(self) -> nn.Module:
        """Return a module from embeddings (B, D) to logits (B, C), float32 on the CPU; their softmax are `probs`.

        It is an `nn.Linear` if the logits are linear in the embedding: it then fits in place of the network's own
        classifier. Call it after `fit` or `load`.
        """
