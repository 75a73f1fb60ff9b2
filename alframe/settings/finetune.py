"""When and how the embedding is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass

from alframe.settings.fields import require_at_least, require_field, require_one_of


@dataclass(frozen=True)
class TrainingPlan:
    """How to fine-tune a network.

    `batching` "shuffled" takes `batch_size` images at a time; "balanced" takes `samples` images of each of `classes`
    classes. `schedule` "one_cycle" and "cosine" lower the learning rate, at most `lr`, towards zero over all epochs.
    `precision` "mixed" computes in bfloat16 where the device can. `freeze` is "none", "all" (but a projection that
    follows the network), or the number of the last frozen stage; 0 is the stem. With `patience`, a part of the labels
    is used for validation only, and training stops after this many epochs without a better macro-F1. `warm` starts
    from the weights of the last training instead of the backbone's own.
    """

    epochs: int = 5
    lr: float = 1e-5
    weight_decay: float = 5e-4
    batching: str = "shuffled"
    batch_size: int = 128
    classes: int = 20
    samples: int = 10
    optimiser: str = "adam"
    schedule: str = "none"
    precision: str = "full"
    freeze: str = "none"
    patience: int | None = None
    warm: bool = True

    def __post_init__(self) -> None:
        require_at_least(self, epochs=0, batch_size=2, classes=1, samples=2, patience=1)
        require_field(0 < self.lr < math.inf, self, "lr", "above 0, 1e-4 for example")
        require_field(0 <= self.weight_decay < math.inf, self, "weight_decay", "at least 0")
        require_one_of(
            self,
            batching=("shuffled", "balanced"),
            optimiser=("adam", "adamw", "sgd"),
            schedule=("none", "one_cycle", "cosine"),
            precision=("full", "mixed"),
        )
        is_frozen_known = self.freeze in ("none", "all") or (self.freeze.isascii() and self.freeze.isdigit())
        require_field(is_frozen_known, self, "freeze", "none, all or the number of the last frozen stage")


@dataclass(frozen=True)
class Finetune:
    """When the embedding is trained: first at `start` labels (None: never), then after every `every` new ones.

    `unseen` is the part of the labels that it is never trained on, in whole groups (see Holdout), so that something can
    be measured on them. None: a fifth if there are no test images, or if the head or the sampler measures itself on
    labels; else none.
    """

    start: int | None = 1000
    every: int = 2000
    unseen: float | None = None
    first: TrainingPlan = TrainingPlan()
    again: TrainingPlan = TrainingPlan(epochs=20, lr=1e-4, weight_decay=0.0, batching="balanced")

    def __post_init__(self) -> None:
        require_at_least(self, every=1)
        require_field(self.unseen is None or 0 <= self.unseen < 1, self, "unseen", "from 0 to below 1, or null")
