"""The comparison that a simulation runs after its campaign."""

from __future__ import annotations

from dataclasses import dataclass

from alframe.settings.checks import check_at_least


@dataclass(frozen=True)
class Compare:
    """The baseline's `sampler` (None: no comparison), and over how many `seeds` both are run."""

    sampler: str | None = "random"
    seeds: int = 5

    def __post_init__(self) -> None:
        check_at_least(self, seeds=1)
