"""The rows of the journal, and the valid answers among them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

ORIGINS = ("grid", "single", "review", "find")


class JournalRow(NamedTuple):
    """A row of the journal."""

    n: int
    action: str
    image: str
    round: int
    requested: int
    classes: str
    annotator: str
    at: str
    seconds: float | None
    comment: str
    origin: str
    burst_of: str | None
    undoes: int | None

    @property
    def class_names(self) -> list[str]:
        return list(json.loads(self.classes))

    @property
    def answer_hash(self) -> str:
        """The BLAKE2b hash of the answer, the person and the time, in hexadecimal."""
        said = "\0".join((self.action, self.image, self.classes, self.annotator, self.at))
        return blake2b(said.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """An answer to write. Without a class, it removes the person's answer."""

    image: str
    classes: Sequence[str]
    round: int
    requested: bool = True
    origin: str = "grid"
    seconds: float | None = None
    comment: str = ""
    burst_of: str | None = None
    undoes: int | None = None


def find_undone(rows: Sequence[JournalRow]) -> set[int]:
    """Return the numbers `n` of the undone rows of an image. An undo that was undone has no effect."""
    undone: set[int] = set()
    for row in reversed(rows):
        if row.undoes is not None and row.n not in undone:
            undone.add(row.undoes)
    return undone


def find_standing_answers(rows: Sequence[JournalRow]) -> dict[tuple[str, int], JournalRow]:
    """Return (annotator, round) -> valid answer, for one image. `rows` are in the order of writing.

    The last answer of a person is valid, unless it was undone. An answer in the review replaces all earlier answers
    about the image, of all people and all rounds.
    """
    undone = find_undone(rows)
    standing: dict[tuple[str, int], JournalRow] = {}
    for row in rows:
        if row.n in undone or row.undoes is not None:
            continue
        if row.origin == "review":
            standing = {key: other for key, other in standing.items() if other.round > row.round}
        standing.pop((row.annotator, row.round), None)
        if row.classes != "[]":
            standing[row.annotator, row.round] = row
    return standing


def person_key(name: str) -> str:
    """Return "@name", the key for counts and keyboard keys of a person. Even without a name, it is not EVERYBODY."""
    return f"@{name}"


def second_opinion_draw(image: str) -> float:
    """Return a number from 0 to 1 for an image. It is like a random number, but the same each time."""
    return int.from_bytes(blake2b(f"second opinion\0{image}".encode(), digest_size=8).digest()) / 2**64
