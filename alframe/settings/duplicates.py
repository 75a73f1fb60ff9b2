"""When two images are near-duplicates."""

from __future__ import annotations

from dataclasses import dataclass

from alframe.settings.checks import check_choice, require


@dataclass(frozen=True)
class Duplicates:
    """When two images are near-duplicates: by their hash, their embedding, or both (`by`; None: never).

    At most `bits` of the 64 bits of their difference hashes may differ, and the cosine distance between their
    embeddings may be at most `cosine`.
    """

    by: str | None = None
    bits: int = 3
    cosine: float = 0.002

    def __post_init__(self) -> None:
        check_choice(self, by=("hash", "embedding", "both", None))
        require(0 <= self.bits <= 8, self, "bits", "a number of bits, from 0 to 8")
        require(0 <= self.cosine < 1, self, "cosine", "a distance, from 0 to below 1")

    @property
    def uses_hash(self) -> bool:
        """Whether difference hashes are compared."""
        return self.by in ("hash", "both")

    @property
    def uses_embedding(self) -> bool:
        """Whether embeddings are compared."""
        return self.by in ("embedding", "both")
