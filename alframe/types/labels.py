"""What people are asked, and what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alframe.types.images import Item, ItemId

UNSURE = "unsure"  # the answer of somebody who looked and cannot tell; never a class


@dataclass(frozen=True, slots=True)
class Label:
    """One answer: this item is of this class (or UNSURE), said by whom, when, and where it was read.

    `file`, its row (1 = first line; a database's record number) and `digest`, a BLAKE2b hash of the file as it was
    read, in hexadecimal.
    """

    item: ItemId
    class_name: str
    annotator: str = ""
    at: datetime | None = None
    file: str = ""
    row: int | None = None
    digest: str = ""


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
    """What a label source has collected so far.

    Several labels for one item are what several people say, or several animals in one picture; which one counts is
    not the source's to decide. `blank` are items whose place for an answer was found and is empty: an answer that was
    there before is taken back. An item that is in neither was not found, and keeps the answer it had. `open` are items
    for which more answers are expected than there are, say of another annotator: a batch is not complete without them.
    """

    labels: Sequence[Label] = ()
    problems: Sequence[Problem] = ()
    blank: Sequence[ItemId] = ()
    open: Sequence[ItemId] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the model thinks an image is, with its probability."""

    class_name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Request:
    """One round's ask: these items, in order of importance, to be labelled with these classes.

    `folder` belongs to the label source alone and is the same on every call. `suggestions` are what the model thinks
    of each of the items; empty while there is no model.
    """

    round: int
    items: tuple[Item, ...]
    classes: tuple[str, ...]
    folder: Path
    suggestions: tuple[Suggestion, ...] = ()
