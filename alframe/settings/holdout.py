"""The images that are kept apart for testing."""

from __future__ import annotations

from dataclasses import dataclass

from alframe.settings.checks import check_choice, require


@dataclass(frozen=True)
class Holdout:
    """Which part of the images with known labels is kept apart for testing; no `group` (sequence, camera) is split."""

    fraction: float = 0.2
    group: str = "sequence"

    def __post_init__(self) -> None:
        require(0 <= self.fraction < 1, self, "fraction", "from 0 to below 1")
        check_choice(self, group=("sequence", "camera"))
