"""The first batch, before there is a model."""

from __future__ import annotations

from dataclasses import dataclass

from alframe.settings.checks import check_at_least


@dataclass(frozen=True)
class Start:
    """How the first batch is chosen: `labels` images, by the sampler of that name."""

    labels: int = 20
    sampler: str = "kmeans"

    def __post_init__(self) -> None:
        check_at_least(self, labels=1)
