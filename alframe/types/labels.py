"""What label sources ask, and what they report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alframe.class_names import UNSURE as UNSURE
from alframe.types.images import Item, ItemId


@dataclass(frozen=True, slots=True)
class Label:
    """One answer: the item, its class (or UNSURE), the annotator, the time, and the file and row.

    `file` is where the answer was read, `row` its line there (1 = first line) or its record number in a database, and
    `answer_file_hash` the BLAKE2b hash of that file when it was read, in hexadecimal. For an answer on a server, `file`
    is its address, and the hash that of the answer itself.
    """

    item: ItemId
    class_name: str
    annotator: str = ""
    labelled_at: datetime | None = None
    file: str = ""
    row: int | None = None
    answer_file_hash: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """An answer or a file of answers that could not be used: the file, the row (1 = first line) and a remedy."""

    file: str
    row: int | None
    message: str

    def __str__(self) -> str:
        where = self.file if self.row is None else f"{self.file}, row {self.row}"
        return f"{where}: {self.message}" if where else self.message


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers that a label source has collected so far for the items of a request.

    `labels`: all that was said. Several labels of one item mean that several people answered, or that one image shows
    several animals; the loop decides which label counts, not the source.
    `problems`: what could not be used, and how to correct it.
    `cleared`: items whose place for an answer was found and is empty. An answer that was there before is taken back.
    An item that is neither labelled nor cleared was not found, and keeps the answer it had.
    `incomplete`: items that still lack an answer, say of a second annotator. The request is not answered in full
    without them.
    """

    labels: Sequence[Label] = ()
    problems: Sequence[Problem] = ()
    cleared: Sequence[ItemId] = ()
    incomplete: Sequence[ItemId] = ()


@dataclass(frozen=True, slots=True)
class UnrequestedInRound:
    """Answers about images that were not requested. People gave them while `round` was the newest round.

    `labels` are pairs of an item and its label. The label's own item is another one if it was given to that image of
    the same sequence, and propagated to this one. `problems` and `cleared`: as in Answers.
    """

    round: int
    labels: Sequence[tuple[ItemId, Label]] = ()
    problems: Sequence[Problem] = ()
    cleared: Sequence[ItemId] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The class that the model predicts for an image, and its probability (0 to 1)."""

    class_name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Request:
    """The items that people should label in one round, in order of importance, and the classes known so far.

    `folder` belongs to the label source alone and is the same on every call. `suggestions` holds the model's prediction
    for each item, in the same order; it is empty while there is no model.

    `similarity_order` is the place of each item in an order in which neighbours look alike. `without_suggestion` says
    for each item whether people should answer it without having seen the model's suggestion: the audit, and as many
    others, so that nobody can tell which it is. Both are empty where they are not known; then no suggestion should be
    shown.

    `named_since` are classes that answers have named since the request was made: an answer that repeats a slip would
    make it known, so they are no `classes` yet.
    """

    round: int
    items: tuple[Item, ...]
    classes: tuple[str, ...]
    folder: Path
    suggestions: tuple[Suggestion, ...] = ()
    similarity_order: tuple[int, ...] = ()
    without_suggestion: tuple[bool, ...] = ()
    named_since: tuple[str, ...] = ()
