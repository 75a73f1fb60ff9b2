"""The requests that label sources receive, and the answers that they report."""

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

    `file` is the file of the answer. `row` is its line there (1 = first line), or its record number in a database.
    `answer_file_hash` is the BLAKE2b hash of the file when it was read, in hexadecimal. For an answer on a server,
    `file` is the address of the answer, and the hash is computed from the answer itself.
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

    `labels`: all answers. Several labels of one item mean that several people answered, or that one image shows
    several animals. The source does not decide which label counts: the loop does.
    `problems`: answers that could not be used, each with a remedy.
    `cleared`: items whose cell or file for the answer was found and is empty. An earlier answer there is removed.
    If an item is neither labelled nor cleared, it keeps its earlier answer.
    `incomplete`: items that still need an answer, for example from a second annotator. As long as there are such
    items, the request is not answered in full.
    """

    labels: Sequence[Label] = ()
    problems: Sequence[Problem] = ()
    cleared: Sequence[ItemId] = ()
    incomplete: Sequence[ItemId] = ()


@dataclass(frozen=True, slots=True)
class UnrequestedInRound:
    """Answers about images that were not requested. People gave them while `round` was the newest round.

    `labels` are pairs of an item and its label. If a person labelled another image of the same sequence, and this label
    was propagated, `Label.item` is that other image. `problems` and `cleared`: as in Answers.
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

    Only the label source uses `folder`, which is the same on every call. `suggestions` holds the model's prediction
    for each item, in the same order. It is empty before there is a model.

    `similarity_order` is the place of each item in an order in which neighbours look alike. `without_suggestion` says
    for each item whether people must not see the model's suggestion. These are the images of the audit, and an equal
    number of other images, so that nobody can recognise the audit. Both are empty if they are not known. Then the
    source should show no suggestions.

    `named_since` are classes that first occur in the answers to this request. They are not in `classes`, because a
    typing error that is repeated would otherwise become a known class.
    """

    round: int
    items: tuple[Item, ...]
    classes: tuple[str, ...]
    folder: Path
    suggestions: tuple[Suggestion, ...] = ()
    similarity_order: tuple[int, ...] = ()
    without_suggestion: tuple[bool, ...] = ()
    named_since: tuple[str, ...] = ()
