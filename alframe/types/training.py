"""How a network is fed and trained."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from alframe.errors import BadParams


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a backbone wants to be fed: squares of `size` pixels, normalised as (x / 255 - mean) / std.

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
        return len(self.mean)


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How to fine-tune.

    `batching` "shuffled" takes `batch_size` images at a time; "balanced" takes `samples` images of each of `classes`
    classes. `schedule` "one_cycle" and "cosine" lead the learning rate, at most `lr`, towards zero over all epochs.
    `precision` "mixed" computes in bfloat16 where the device can. `freeze` is "none", "all" (but a projection that
    follows the network), or the number of the last stage that stays as it is; 0 is the stem. With `patience` a part of
    the labels only judges, and training ends after so many epochs without a better macro-F1. `warm` goes on from the
    weights of the last training, and not from those that the backbone comes with.
    """

    epochs: int
    lr: float
    weight_decay: float
    batching: Literal["shuffled", "balanced"]
    batch_size: int = 128
    classes: int = 20
    samples: int = 10
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    schedule: Literal["none", "one_cycle", "cosine"] = "none"
    precision: Literal["full", "mixed"] = "full"
    freeze: str = "none"
    patience: int | None = None
    warm: bool = True

    def __post_init__(self) -> None:
        least = {"epochs": 0, "batch_size": 2, "classes": 1, "samples": 2, "patience": 1}
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise BadParams(f"Fine-tuning: {name} is {value}, but must be at least {bound}.")
        if not 0 < self.lr < math.inf:
            raise BadParams(f"Fine-tuning: lr is {self.lr}, but must be above 0, say 1e-4.")
        if not 0 <= self.weight_decay < math.inf:
            raise BadParams(f"Fine-tuning: weight_decay is {self.weight_decay}, but must be 0 or above.")
        choices = {
            "batching": ("shuffled", "balanced"),
            "optimiser": ("adam", "adamw", "sgd"),
            "schedule": ("none", "one_cycle", "cosine"),
            "precision": ("full", "mixed"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                listed = f"{', '.join(known[:-1])} or {known[-1]}"
                raise BadParams(f"Fine-tuning: {name} is '{getattr(self, name)}'; it can be {listed}.")
        if self.freeze not in ("none", "all") and not (self.freeze.isascii() and self.freeze.isdigit()):
            raise BadParams(
                f"Fine-tuning: freeze is '{self.freeze}'; it can be none, all, or the number of the last frozen stage."
            )
