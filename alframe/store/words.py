"""A word is all that one source says about one item at one time: mostly one label, but several people may differ.

Only what is new in it goes into the ledger, so a source can be read again and again, wherever its files have moved to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from alframe.types import Label

Statement = tuple[str, str]  # annotator and class


@dataclass(frozen=True, slots=True)
class Word:
    """What was said, the last at the end, and whether it was taken back since."""

    said: list[Statement]
    taken_back: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the label table: its number, that of its word's first row, and the item's."""

    n: int
    word: int
    item: int
    label: Label
    taken_back: bool


def last_words(rows: Iterable[tuple[int, int, str, str, int]]) -> dict[int, Word]:
    """Item -> last word, from rows of (item, word, annotator, class, taken back) in the order of their numbers."""
    words: dict[int, tuple[int, Word]] = {}
    for item, number, annotator, name, taken_back in rows:
        if item not in words or words[item][0] != number:
            words[item] = (number, Word([], bool(taken_back)))
        words[item][1].said.append((annotator, name))
    return {item: word for item, (_, word) in words.items()}


def new_words(labels: Iterable[tuple[int, Label]], blank: Iterable[int], last: Mapping[int, Word]) -> list[Row]:
    """The rows to append, numbered from 0, for the words that differ from the `last` ones.

    For an item in `blank` that nothing is said about any more, the word is taken back.
    """
    rows: list[Row] = []
    words = _by_item(labels)
    for item, word in words.items():
        before = last.get(item)
        if before is None or before.taken_back or before.said != list(word):
            rows += _rows(item, word.values(), len(rows), taken_back=False)
    for item in dict.fromkeys(blank):
        before = last.get(item)
        if item not in words and before is not None and not before.taken_back:
            unsaid = [Label("", name, annotator) for annotator, name in before.said]
            rows += _rows(item, unsaid, len(rows), taken_back=True)
    return rows


def _by_item(labels: Iterable[tuple[int, Label]]) -> dict[int, dict[Statement, Label]]:
    words: dict[int, dict[Statement, Label]] = {}
    for item, label in sorted(labels, key=lambda one: (one[1].at is not None, one[1].at)):
        word = words.setdefault(item, {})
        word.pop((label.annotator, label.class_name), None)  # of equals, the one said last
        word[label.annotator, label.class_name] = label
    return words


def _rows(item: int, labels: Collection[Label], first: int, taken_back: bool) -> list[Row]:
    return [Row(first + at, first, item, label, taken_back) for at, label in enumerate(labels)]
