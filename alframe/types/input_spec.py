"""How a network is fed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The input that a backbone expects: squares of `size` pixels, normalised as (x / 255 - mean) / std.

    `mean` and `std` have a number for each channel. `value_range` are the stored values that become x = 0 and 255, a
    pair (low, high) for all bands or for each; None takes 8-bit pictures as they are.
    """

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: Literal["bicubic", "bilinear", "nearest"] = "bicubic"
    value_range: tuple[tuple[float, float], ...] | None = field(default=None, repr=False)

    @property
    def channels(self) -> int:
        """How many bands an image has."""
        return len(self.mean)
