"""The types of the configuration's root; each part is an open node whose own signature checks it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore


@dataclass
class Start:
    labels: int = 20
    sampler: str = "kmeans"


@dataclass
class Holdout:
    fraction: float = 0.2
    group: str = "sequence"


@dataclass
class Inference:
    engine: str = "eager"
    precision: str = "fp32"


@dataclass
class Training:
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


@dataclass
class Finetune:
    start: int | None = 1000
    every: int = 2000
    first: Training = field(default_factory=Training)
    again: Training = field(default_factory=Training)


@dataclass
class Compare:
    sampler: str | None = "random"
    seeds: int = 5


@dataclass
class Sequences:
    gap: float | None = 60.0
    times: str = "exif"


@dataclass
class Duplicates:
    by: str | None = None
    bits: int = 3
    cosine: float = 0.002


@dataclass
class Boxes:
    file: str | None = None
    use: str = "best"
    threshold: float = 0.2
    category: str = "animal"
    empty: str = "keep"
    margin: float = 0.0


@dataclass
class Root:
    seed: int = 0
    project: str | None = None
    runs: str = "alframe-runs"
    batch: int = 20
    per_sequence: int | None = 1
    propagate: bool = False
    audit: float | None = None
    start: Start = field(default_factory=Start)
    classes: list[str] = field(default_factory=list)
    enough: float = 1.0
    reask: int | None = 3
    conflicts: str = "ask"
    sequences: Sequences = field(default_factory=Sequences)
    duplicates: Duplicates = field(default_factory=Duplicates)
    boxes: Boxes = field(default_factory=Boxes)
    holdout: Holdout = field(default_factory=Holdout)
    inference: Inference = field(default_factory=Inference)
    finetune: Finetune = field(default_factory=Finetune)
    compare: Compare = field(default_factory=Compare)
    pool: Any = None
    backbone: Any = None
    loss: Any = None
    head: Any = None
    sampler: Any = None
    label_source: Any = None
    stopping: Any = None
    exporter: Any = None
    tracker: Any = None
    compute: Any = None
    task: Any = None


def register() -> None:
    """Idempotent."""
    ConfigStore.instance().store(name="schema", node=Root, provider="alframe")
