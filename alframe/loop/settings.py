"""What is decided outside the parts, as plain data; and the digest of all that decides a result."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from alframe.engine.duplicates.grouping import Duplicates
from alframe.engine.listing.boxes import Boxes
from alframe.engine.listing.sequences import Sequences
from alframe.types import Inference, TrainingPlan

Recipe = Mapping[str, Any]  # a part's name and parameters


@dataclass(frozen=True, slots=True)
class Finetune:
    """When the embedding is trained: first at `start` labels (None: never), then after every `every` new ones."""

    start: int | None
    every: int
    first: TrainingPlan
    again: TrainingPlan


@dataclass(frozen=True, slots=True)
class Settings:
    """What is decided outside the parts."""

    seed: int
    batch: int
    per_sequence: int | None
    propagate: bool
    audit: float | None
    start_labels: int
    start_sampler: str
    classes: tuple[str, ...]
    enough: float
    reask: int | None
    conflicts: str
    sequences: Sequences
    duplicates: Duplicates
    boxes: Boxes
    holdout: float
    holdout_group: str
    inference: Inference
    finetune: Finetune
    compare_sampler: str | None
    compare_seeds: int


def identity(settings: Settings, recipes: Mapping[str, Any]) -> str:
    """A digest of all that decides the result: not where, how fast or how loudly it is computed."""
    decisive = {kind: recipe for kind, recipe in recipes.items() if kind not in ("compute", "tracker", "task")}
    values = dataclasses.asdict(settings)
    # What was begun before there were these choices goes on under its name.
    if settings.duplicates.by is None:
        del values["duplicates"]
    if settings.inference == Inference():
        del values["inference"]
    config = [values, plain(decisive)]
    return hashlib.blake2b(json.dumps(config, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()


@cache
def versions() -> dict[str, str]:
    """Versions of the packages that decide a result."""
    found = {}
    for name in ("alframe", "torch", "timm", "numpy", "scikit-learn", "faiss-cpu", "pillow", "onnxruntime", "openvino"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def plain(value: Any) -> Any:
    """Mappings and sequences as dicts and lists, all the way down."""
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    return list(map(plain, value)) if isinstance(value, list | tuple) else value
