"""The events of a round. KIND and the fields are stored in the ledger, so they keep their names."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self


@dataclass(frozen=True)
class Event:
    """An event of a round. Its fields can be written as JSON."""

    KIND: ClassVar[str]

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the event that `to_json` wrote, without fields that only other versions know."""
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in json.loads(text).items() if name in names})


@dataclass(frozen=True)
class ShownContent(Event):
    """The hex digests of the files of a request's images, in the order of the request; None: not known."""

    KIND: ClassVar[str] = "shown"
    contents: Sequence[str | None] = ()


@dataclass(frozen=True)
class Predicted(Event):
    """The model's prediction for each image of a request, in the order of the request: a class and its probability."""

    KIND: ClassVar[str] = "predicted"
    classes: Sequence[str] = ()
    confidence: Sequence[float] = ()


@dataclass(frozen=True)
class BatchChosenBy(Event):
    """The sampler, of several, that chose the request, and the error rates on earlier batches that were used.

    The rates do not change later, even if answers are added or corrected.
    """

    KIND: ClassVar[str] = "chosen by"
    sampler: str = ""
    rounds: Sequence[int] = ()
    error_rates: Sequence[float] = ()


@dataclass(frozen=True)
class BatchArranged(Event):
    """The presentation of a request's images: their places by similarity, and the images without a suggestion."""

    KIND: ClassVar[str] = "arranged"
    similarity: Sequence[int] = ()
    without_suggestion: Sequence[bool] = ()


@dataclass(frozen=True)
class DuplicateCounts(Event):
    """The number of near-duplicates that are not requested, and of those among them that resemble held-out images."""

    KIND: ClassVar[str] = "folded"
    images: int = 0
    held_out: int = 0


@dataclass(frozen=True)
class DamagedImages(Event):
    """All images that are used although a part of them is lost: a description by key (a text in JSON)."""

    KIND: ClassVar[str] = "damaged"
    images: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AbsentImages(Event):
    """The keys of all images that the pool no longer lists. Only the latest of these events counts."""

    KIND: ClassVar[str] = "absent"
    keys: Sequence[int] = ()


@dataclass(frozen=True)
class RequestEnvironment(Event):
    """The environment of a request, without the packages, whose versions are in its round. Empty: not known.

    `git` and `alframe_git` are the commits of the working directory and of alframe's source, with "-dirty" if files
    differ from them. `data` is a digest of the contents, ids, classes and split of all images that were present.
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
    """The request asks again about images with a label. It has the `label` of each image, in the order of the request.

    A model that had not seen the label predicted the class `likely` with the probability `confidence`. `given` is the
    probability that this model gave to the label. `examined` is the number of labels that were compared.
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
    """The request is closed: the number of its answered images, and whether it was withdrawn before its end."""

    KIND: ClassVar[str] = "answered"
    labels: int = 0
    withdrawn: bool = False


@dataclass(frozen=True)
class FineTuned(Event):
    """The backbone was fine-tuned with this number of labels; its weights are in `file`, in the project's folder.

    `seen` are the items with which the network was trained, now or before, and `left_out` the labelled items with which
    it was never trained; older versions did not record them. `losses`: the mean of each epoch. `train_accuracy`: the
    share of the training images that are nearest to the mean of their own class. `validation_f1` is the macro-F1 on the
    validation labels, before the first epoch and after each epoch. `best_epoch` is the epoch whose weights were kept.
    `digest` is the digest of the file; older versions did not record it.
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
