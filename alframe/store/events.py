"""What can happen to a round. KIND and the fields are stored in the ledger, so they keep their names."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar


class Event(Protocol):
    """A frozen dataclass whose fields can be written as JSON."""

    KIND: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


AnyEvent = TypeVar("AnyEvent", bound=Event)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the images of a request held, as the hex digests of their files, in its order; None: not known."""

    KIND: ClassVar[str] = "shown"
    contents: Sequence[str | None] = ()


@dataclass(frozen=True, slots=True)
class Predicted:
    """What the model thought of each image of a request, in its order: the class, and its probability."""

    KIND: ClassVar[str] = "predicted"
    classes: Sequence[str] = ()
    confidence: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Represented:
    """How many images are near-duplicates of others and not asked for; of these, how many of held-out ones."""

    KIND: ClassVar[str] = "folded"
    images: int = 0
    held_out: int = 0


@dataclass(frozen=True, slots=True)
class Requested:
    """The request lies before people."""

    KIND: ClassVar[str] = "requested"


@dataclass(frozen=True, slots=True)
class Closed:
    """The request is closed: how many of its images were answered, and whether it was withdrawn before its end."""

    KIND: ClassVar[str] = "answered"
    labels: int = 0
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Trained:
    """The backbone was fine-tuned on so many labels; its weights are in `file`, below the project's folder."""

    KIND: ClassVar[str] = "trained"
    labels: int
    file: str
    backbone: Mapping[str, Any] = field(default_factory=dict)


def dump_event(event: Event) -> str:
    """Return the event's fields as JSON."""
    return json.dumps({name: getattr(event, name) for name in _field_names(type(event))}, ensure_ascii=False)


def load_event(kind: type[AnyEvent], text: str) -> AnyEvent:
    """Return the event that `dump_event` wrote; fields of other versions are left out."""
    names = _field_names(kind)
    return kind(**{name: value for name, value in json.loads(text).items() if name in names})


def _field_names(kind: type[Event]) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]
