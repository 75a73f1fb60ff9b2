"""The settings of fine-tuning: when and how the backbone is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass

from alframe.settings.fields import require_at_least, require_field, require_one_of


@dataclass(frozen=True)
class TrainingPlan:
    """The parameters of one training of a network.

    `batching` "shuffled" takes `batch_size` images at a time; "balanced" takes `samples` images of each of `classes`
    classes. With `schedule` "one_cycle" or "cosine", the learning rate is at most `lr`, and falls towards zero at the
    end. `precision` "mixed" computes in bfloat16 if the device can. `freeze` is "none", "all" (except a projection
    after the network), or the number of the last frozen stage; 0 is the stem. With `patience`, a part of the labels is
    used only for validation, and training stops after this many epochs without a better macro-F1. With `warm`, it
    starts from the weights of the last training, otherwise from the weights of the backbone.
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
    """The times of the trainings: first at `start` labels (None: never), then after every `every` new labels.

    `unseen` is the share of the labels, in whole groups (see Holdout), that is never used for training, so that
    accuracy can be measured on them. None: a fifth if there are no test images, or if the head or the sampler measures
    its own quality on labels; otherwise 0.
    """

    start: int | None = 1000
    every: int = 2000
    unseen: float | None = None
    first: TrainingPlan = TrainingPlan()
    again: TrainingPlan = TrainingPlan(epochs=20, lr=1e-4, weight_decay=0.0, batching="balanced")

    def __post_init__(self) -> None:
        require_at_least(self, every=1)
        require_field(self.unseen is None or 0 <= self.unseen < 1, self, "unseen", "from 0 to below 1, or null")
