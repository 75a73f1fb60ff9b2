"""The events of a round. KIND and the fields are stored in the ledger, so they keep their names."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self


@dataclass(frozen=True)
class Event:
    """Something that has happened to a round; the fields can be written as JSON."""

    KIND: ClassVar[str]

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the event that `to_json` wrote; fields of other versions are left out."""
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in json.loads(text).items() if name in names})


@dataclass(frozen=True)
class ShownContent(Event):
    """The contents of a request's images, as the hex digests of their files, in its order; None: not known."""

    KIND: ClassVar[str] = "shown"
    contents: Sequence[str | None] = ()


@dataclass(frozen=True)
class Predicted(Event):
    """The model's prediction for each image of a request, in its order: the class, and its probability."""

    KIND: ClassVar[str] = "predicted"
    classes: Sequence[str] = ()
    confidence: Sequence[float] = ()


@dataclass(frozen=True)
class BatchChosenBy(Event):
    """Which of several samplers chose the request, and the model's error rates on earlier ones by which it was drawn.

    The rates stay what they were then, whatever answers come late or are corrected.
    """

    KIND: ClassVar[str] = "chosen by"
    sampler: str = ""
    rounds: Sequence[int] = ()
    error_rates: Sequence[float] = ()


@dataclass(frozen=True)
class BatchArranged(Event):
    """How a request's images are shown, in its order: their places by similarity, and which have no suggestion."""

    KIND: ClassVar[str] = "arranged"
    similarity: Sequence[int] = ()
    without_suggestion: Sequence[bool] = ()


@dataclass(frozen=True)
class DuplicateCounts(Event):
    """How many images are near-duplicates of others and not requested; of these, how many of held-out ones."""

    KIND: ClassVar[str] = "folded"
    images: int = 0
    held_out: int = 0


@dataclass(frozen=True)
class DamagedImages(Event):
    """All images that are used although a part of them is lost: what is missing, by key, which JSON makes a text."""

    KIND: ClassVar[str] = "damaged"
    images: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AbsentImages(Event):
    """The pool no longer lists the images with these keys; the latest of these events says which."""

    KIND: ClassVar[str] = "absent"
    keys: Sequence[int] = ()


@dataclass(frozen=True)
class RequestEnvironment(Event):
    """What a request was made with beside the packages, whose versions are in its round; empty: not known.

    `git` and `alframe_git` are the commits of the working directory and of alframe's own source, with "-dirty" where
    files differ from them. `data` is a digest of the contents, ids, classes and split of all images that were present.
    """

    KIND: ClassVar[str] = "made with"
    python: str = ""
    system: str = ""
    processors: int = 0
    git: str = ""
    alframe_git: str = ""
    data: str = ""


@dataclass(frozen=True)
class LabelsAskedAgain(Event):
    """The request asks again about images with a label: in its order, that `label`, and what the model thought.

    `likely` is the class that a model predicted which had not seen the label, with its probability `confidence`, and
    `given` is the probability that this model gave the label. `examined` labels were compared.
    """

    KIND: ClassVar[str] = "asked again"
    labels: Sequence[str] = ()
    likely: Sequence[str] = ()
    confidence: Sequence[float] = ()
    given: Sequence[float] = ()
    examined: int = 0


@dataclass(frozen=True)
class Requested(Event):
    """The request has been shown to people."""

    KIND: ClassVar[str] = "requested"


@dataclass(frozen=True)
class RequestClosed(Event):
    """The request is closed: how many of its images were answered, and whether it was withdrawn before its end."""

    KIND: ClassVar[str] = "answered"
    labels: int = 0
    withdrawn: bool = False


@dataclass(frozen=True)
class FineTuned(Event):
    """The backbone was fine-tuned when there were so many labels; its weights are in `file`, in the project's folder.

    `seen` are the items that the network was trained on, now or before, and `left_out` the labelled ones that it never
    was; older versions did not record either. `losses`: the mean of each epoch. `train_accuracy`: the share of the
    training images that are nearest to the mean of their own class. `validation_f1` is the macro-F1 on labels that only
    decide when to stop, before the first epoch and after each, and `best_epoch` the one whose weights were kept.
    `digest` is that of the file; older versions did not record it either.
    """

    KIND: ClassVar[str] = "trained"
    labels: int
    file: str
    backbone: Mapping[str, Any] = field(default_factory=dict)
    seen: Sequence[int] | None = None
    left_out: Sequence[int] = ()
    losses: Sequence[float] = ()
    train_accuracy: float | None = None
    validation_f1: Sequence[float] = ()
    best_epoch: int | None = None
    digest: str = ""
