"""The rows of the journal, and what stands of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

ORIGINS = ("grid", "single", "review", "find")


class Row(NamedTuple):
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
    def names(self) -> list[str]:
        """The class names that were given."""
        names: list[str] = json.loads(self.classes)
        return names

    @property
    def digest(self) -> str:
        """The BLAKE2b hash of what was said, by whom and when, in hexadecimal."""
        said = "\0".join((self.action, self.image, self.classes, self.annotator, self.at))
        return blake2b(said.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """An answer to be written: no class takes the person's answer back."""

    image: str
    classes: Sequence[str]
    round: int
    requested: bool = True
    origin: str = "grid"
    seconds: float | None = None
    comment: str = ""
    burst_of: str | None = None
    undoes: int | None = None


def find_standing(rows: Sequence[Row]) -> dict[tuple[str, int], Row]:
    """Return (annotator, round) -> the answer that stands, of one image; `rows` in the order they were written.

    The last answer of a person stands. A row that was undone is void, and so is an undoing that was itself undone. An
    answer of the review settles the image: it takes the place of what anybody had said before, in this round or in an
    earlier one.
    """
    void: set[int] = set()
    for row in reversed(rows):
        if row.undoes is not None and row.n not in void:
            void.add(row.undoes)
    standing: dict[tuple[str, int], Row] = {}
    for row in rows:
        if row.n in void or row.undoes is not None:
            continue
        if row.origin == "review":
            standing = {key: other for key, other in standing.items() if other.round > row.round}
        standing.pop((row.annotator, row.round), None)
        if row.classes != "[]":
            standing[row.annotator, row.round] = row
    return standing


def person_count_key(name: str) -> str:
    """Return the key under which a person's answers are counted; no person's is ANYBODY."""
    return f"@{name}"


def second_opinion_draw(image: str) -> float:
    """Return a number from 0 to 1 for an image, as good as drawn at random but the same each time."""
    return int.from_bytes(blake2b(f"second opinion\0{image}".encode(), digest_size=8).digest()) / 2**64
