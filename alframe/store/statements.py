"""A word is all that one source says about one item at one time: mostly one label, but several people may differ.

Only what is new in it goes into the ledger, so a source can be read again and again, wherever its files have moved to.
A file that is gone takes nothing back: what it said stays in the word.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from alframe.types import Label

Statement = tuple[str, str]  # annotator and class


@dataclass(frozen=True, slots=True)
class Word:
    """What was said, the last at the end, and whether it was taken back since."""

    said: list[Label]
    taken_back: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the label table: its number, that of its word's first row, and the item's."""

    n: int
    word: int
    item: int
    label: Label
    taken_back: bool


def standing_statements(rows: Iterable[tuple[int, int, Label, bool]]) -> dict[int, Word]:
    """Item -> last word, from rows of (item, number of the word, label, taken back) in the order they were written."""
    words: dict[int, tuple[int, Word]] = {}
    for item, number, label, taken_back in rows:
        if item not in words or words[item][0] != number:
            words[item] = (number, Word([], taken_back))
        words[item][1].said.append(label)
    return {item: word for item, (_, word) in words.items()}


def new_statements(
    labels: Sequence[tuple[int, Label]], blank: Iterable[int], last: Mapping[int, Word], first: int = 0
) -> list[Row]:
    """The rows to append, numbered from `first`, for the words that differ from the `last` ones.

    A table (a file with rows) from which no label came now is gone or cannot be read, so what it said stands: beside
    what other annotators say now, and also if the item is `blank` elsewhere. Any other word on a blank item is taken
    back.
    """
    read = {label.file for _, label in labels}
    said: dict[int, list[Label]] = {}
    for item, label in labels:
        said.setdefault(item, []).append(label)
    rows: list[Row] = []
    for item, given in said.items():
        before, now = last.get(item, Word([], True)), _in_order(given)
        annotators = {label.annotator for label in now}
        stands = [] if before.taken_back else before.said
        kept = [label for label in stands if label.annotator not in annotators and _is_gone(label, read)]
        if _statements(now) != _statements([label for label in stands if label not in kept]):
            rows += _rows(item, _in_order([*kept, *now]), first + len(rows), taken_back=False)
    for item in dict.fromkeys(blank):
        before = last.get(item, Word([], True))
        if item not in said and not before.taken_back and not any(_is_gone(label, read) for label in before.said):
            rows += _rows(item, before.said, first + len(rows), taken_back=True)
    return rows


def _is_gone(label: Label, read: Collection[str]) -> bool:
    return label.row is not None and label.file not in read


def _in_order(labels: Iterable[Label]) -> list[Label]:
    """The last said at the end; of equal statements the last."""
    by_statement: dict[Statement, Label] = {}
    for label in sorted(labels, key=lambda one: (one.at is not None, one.at)):
        by_statement.pop((label.annotator, label.class_name), None)
        by_statement[label.annotator, label.class_name] = label
    return list(by_statement.values())


def _statements(labels: Iterable[Label]) -> list[Statement]:
    return [(label.annotator, label.class_name) for label in labels]


def _rows(item: int, labels: Sequence[Label], first: int, taken_back: bool) -> list[Row]:
    return [Row(first + at, first, item, label, taken_back) for at, label in enumerate(labels)]
