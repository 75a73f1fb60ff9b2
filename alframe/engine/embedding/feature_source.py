"""The sources of features: a network, or a network that an earlier command built and that is built only if needed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from alframe.errors import StoreError
from alframe.settings import Inference
from alframe.store.known_networks import KnownNetwork
from alframe.types import InputSpec

if TYPE_CHECKING:
    from alframe.engine.embedding.embedder import Embedder


class FeatureSource(Protocol):
    """The common methods of `Embedder` and `UnbuiltEmbedder`."""

    @property
    def fingerprint(self) -> str:
        """Return the key of the features."""

    @property
    def input_spec(self) -> InputSpec:
        """Return how images are prepared for the network."""

    def build(self) -> Embedder:
        """Return the network, ready to embed."""


class NetworkChanged(StoreError):
    """The built network differs from the known network. `embedder` has the built network."""

    def __init__(self, embedder: Embedder) -> None:
        super().__init__(
            "The embeddings were made by another network, although its files, its parameters and the packages are the "
            "same. Run the same command again: alframe then embeds the images again with the present network."
        )
        self.embedder = embedder


@dataclass(frozen=True)
class UnbuiltEmbedder:
    """A network that an earlier command has built. To read stored features, its digest is enough.

    `make` builds it. `forget` is called if the result is another network.
    """

    known: KnownNetwork
    inference: Inference
    make: Callable[[], Embedder]
    forget: Callable[[], None]

    @property
    def fingerprint(self) -> str:
        return fingerprint_features(self.known.digest, self.inference)

    @property
    def input_spec(self) -> InputSpec:
        return self.known.spec

    def build(self) -> Embedder:
        """Build the network once. Raises NetworkChanged if its features would differ from the stored features."""
        if self._embedder.fingerprint != self.fingerprint:
            self.forget()
            raise NetworkChanged(self._embedder)
        return self._embedder

    @cached_property
    def _embedder(self) -> Embedder:
        return self.make()


def fingerprint_features(network_digest: str, inference: Inference, device: str = "cpu") -> str:
    """Return the key of features. It differs between engines and precisions; for eager fp32 it is the network's digest.

    Apple's GPU has another key than all other devices.
    """
    if inference == Inference() and not is_mps(device):
        return network_digest
    mps = " mps" if is_mps(device) else ""
    return hashlib.blake2b(f"{network_digest} {inference}{mps}".encode(), digest_size=16).hexdigest()


def is_mps(device: str) -> bool:
    """Return whether a torch device is Apple's GPU, whose results are compared with those of the processor."""
    return device.partition(":")[0] == "mps"
