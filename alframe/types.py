"""The records that cross module borders: frozen, typed, and free of heavy imports."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from alframe.errors import BadParams, UnmetNeed

ItemId = str  # an image's path relative to the pool's root, in POSIX form
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle as fractions of the image: left, top, width and height, each in 0..1."""

    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class Item:
    """One image of the pool.

    `label` is what the pool itself says (a class folder, a CSV column). In a simulation it stays hidden until the
    label source is asked; otherwise it counts as labelled from the start. `split` is "test" for images that the
    pool sets apart for evaluation; they are never selected.
    """

    id: ItemId
    path: Path
    label: str | None = None
    split: Literal["pool", "test"] = "pool"
    camera: str | None = None
    taken: datetime | None = None
    sequence: str | None = None
    box: Box | None = None
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Label:
    """One answer: this item is of this class, said by whom, when, and where it was read (file and row)."""

    item: ItemId
    class_name: str
    annotator: str = ""
    at: datetime | None = None
    file: str = ""
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in an answer that could not be used: the file, the row (1 = first line) and what to do."""

    file: str
    row: int | None
    message: str

    def __str__(self) -> str:
        where = self.file if self.row is None else f"{self.file}, row {self.row}"
        return f"{where}: {self.message}" if where else self.message


@dataclass(frozen=True, slots=True)
class Answers:
    """What a label source has collected so far."""

    labels: Sequence[Label] = ()
    problems: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One round's ask: these items, in order of importance, to be labelled with these classes.

    `folder` belongs to the label source alone and is the same on every call.
    """

    round: int
    items: tuple[Item, ...]
    classes: tuple[str, ...]
    folder: Path


class Need(enum.Enum):
    """What a sampler may ask the engine to compute; each is a field of PoolView."""

    FEATURES = "features"
    LABELLED_FEATURES = "labelled_features"
    LABELS = "labels"
    PROBS = "probs"
    PROB_SAMPLES = "prob_samples"
    GROUPS = "groups"


class PoolView:
    """What a sampler sees: `ids` (n,) always, and of the rest exactly what it declared in `needs`.

    Reading anything else raises UnmetNeed, so that the engine computes only what is used. All arrays are read-only.
    """

    def __init__(self, ids: Ints, fields: Mapping[Need, npt.NDArray[Any]] | None = None) -> None:
        self.ids = ids.view()
        self._fields = {need: value.view() for need, value in (fields or {}).items()}
        for array in (self.ids, *self._fields.values()):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.ids)

    def only(self, rows: npt.NDArray[np.bool_]) -> PoolView:
        """The view of these rows (n,) alone; what is about labelled items stays."""
        if rows.all():
            return self
        axis = {Need.FEATURES: 0, Need.PROBS: 0, Need.GROUPS: 0, Need.PROB_SAMPLES: 1}
        kept = {
            need: np.compress(rows, value, axis=axis[need]) if need in axis else value
            for need, value in self._fields.items()
        }
        return PoolView(self.ids[rows], kept)

    def _get(self, need: Need) -> npt.NDArray[Any]:
        if need not in self._fields:
            raise UnmetNeed(
                f"The sampler reads view.{need.value}, which it did not declare. Add Need.{need.name} to its `needs`."
            )
        return self._fields[need]

    @property
    def features(self) -> Floats:
        """(n, D) embeddings of the unlabelled items."""
        return self._get(Need.FEATURES)

    @property
    def labelled_features(self) -> Floats:
        """(m, D) embeddings of the labelled items."""
        return self._get(Need.LABELLED_FEATURES)

    @property
    def labels(self) -> Ints:
        """(m,) class numbers of the labelled items."""
        return self._get(Need.LABELS)

    @property
    def probs(self) -> Floats:
        """(n, C) class probabilities; rows sum to 1."""
        return self._get(Need.PROBS)

    @property
    def prob_samples(self) -> Floats:
        """(T, n, C) class probabilities of T draws from a stochastic head."""
        return self._get(Need.PROB_SAMPLES)

    @property
    def groups(self) -> Ints:
        """(n,) number of the sequence (burst) of each unlabelled item; -1 where it has none."""
        return self._get(Need.GROUPS)


@dataclass(frozen=True, slots=True)
class Selection:
    """A sampler's choice: `ids` (k,) distinct, taken from view.ids, most wanted first; `scores` (k,) or None."""

    ids: Ints
    scores: Floats | None = None


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


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How good the head is on `n` images it never saw; `basis` says which.

    `low` and `high` bound the accuracy with 95 % confidence (Wilson's score interval). `confusion[i][j]` counts
    images of class i predicted as j; `per_class` holds precision, recall, f1 and support for each class.
    """

    basis: str
    n: int
    accuracy: float
    low: float
    high: float
    balanced_accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    per_class: tuple[Mapping[str, float], ...]


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """One finished round, as trackers, stopping rules and the report see it."""

    round: int
    labels: int
    unlabelled: int
    set_aside: int
    classes: tuple[str, ...]
    evaluation: Evaluation | None
    fingerprint: str
    seconds: Mapping[str, float]
    at: datetime
    model: str = ""  # a digest of what the head was made from: the embedding, its own recipe and the labels


@dataclass(frozen=True, slots=True)
class Curve:
    """A learning curve: accuracy by number of labels, the mean over `seeds` runs within its 95 % interval."""

    name: str
    labels: Sequence[int]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    seeds: int


@dataclass(frozen=True, slots=True)
class Predictions:
    """The model's word on each readable item: `probs` (n, C) over `classes`; `labels` where somebody has answered."""

    items: Sequence[Item]
    probs: Floats
    classes: tuple[str, ...]
    labels: Sequence[str | None]


class State(enum.Enum):
    """How a task ended."""

    CONTINUE = "continue"
    WAITING = "waiting"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a task returns: its state, a message for the user, and a number that a sweep may optimise."""

    state: State
    message: str = ""
    value: float | None = None
