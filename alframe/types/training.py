"""How a network is fed and trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from alframe.errors import BadParams


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a backbone wants to be fed: squares of `size` pixels, normalised as (x / 255 - mean) / std."""

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: Literal["bicubic", "bilinear", "nearest"] = "bicubic"

    @property
    def channels(self) -> int:
        return len(self.mean)


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How to fine-tune with Adam.

    `batching` "shuffled" takes `batch_size` images at a time; "balanced" takes `samples` images of each of
    `classes` classes.
    """

    epochs: int
    lr: float
    weight_decay: float
    batching: Literal["shuffled", "balanced"]
    batch_size: int = 128
    classes: int = 20
    samples: int = 10

    def __post_init__(self) -> None:
        least = {"epochs": 0, "batch_size": 2, "classes": 1, "samples": 2}
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise BadParams(f"Fine-tuning: {name} is {getattr(self, name)}, but must be at least {bound}.")
        if not (self.lr > 0 and self.weight_decay >= 0):
            raise BadParams(
                f"Fine-tuning: lr {self.lr} must be above 0 and weight_decay {self.weight_decay} not below."
            )
        if self.batching not in ("shuffled", "balanced"):
            raise BadParams(f"Fine-tuning: batching is '{self.batching}'; it can be shuffled or balanced.")
