"""A statement is all that one source says about one item at one time: mostly one label, but several people may differ.

Only new statements go into the ledger, so a source can be read again and again, wherever its files have moved to.
A file that is gone takes nothing back: what it said is kept in the statement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from alframe.types import Label

Source = tuple[int, int | None, str]  # item, round and origin


class LabelRow(NamedTuple):
    """A row of the ledger's label table; `statement` is the number `n` of the first row of its statement."""

    n: int
    statement: int
    taken_back: int
    item: int
    class_name: str
    round: int | None
    origin: str
    annotator: str
    labelled_at: str | None
    file: str
    row: int | None
    digest: str

    def to_label(self) -> Label:
        """Return the label, without the item's id."""
        at = None if self.labelled_at is None else datetime.fromisoformat(self.labelled_at)
        return Label("", self.class_name, self.annotator, at, self.file, self.row, self.digest)


@dataclass(frozen=True, slots=True)
class Statement:
    """The labels of one item, the last said at the end, and whether they were taken back since."""

    labels: Sequence[Label] = ()
    taken_back: bool = True


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row to append to the label table: its number, that of its statement's first row, and the item's key."""

    n: int
    statement: int
    item: int
    label: Label
    taken_back: bool


def last_statements(rows: Iterable[LabelRow]) -> dict[Source, list[LabelRow]]:
    """Return the rows of the last statement of each source on each item; `rows` are in the order of their numbers."""
    last: dict[Source, list[LabelRow]] = {}
    for row in rows:
        source = (row.item, row.round, row.origin)
        if source in last and last[source][0].statement == row.statement:
            last[source].append(row)
        else:
            last[source] = [row]
    return last


def new_statements(
    labels: Sequence[tuple[int, Label]], cleared: Iterable[int], last: Mapping[int, Statement], first: int = 0
) -> list[NewRow]:
    """Return the rows to append, numbered from `first`, for the statements that differ from the `last` ones, by item.

    A table (a file with rows) from which no label came now is gone or cannot be read, so what it said stands: beside
    what other annotators say now, and also if the item is `cleared` elsewhere. Any other statement on a cleared item
    is taken back.
    """
    files = {label.file for _, label in labels}
    labels_by_item: dict[int, list[Label]] = {}
    for item, label in labels:
        labels_by_item.setdefault(item, []).append(label)
    rows: list[NewRow] = []
    for item, given in labels_by_item.items():
        before, now = last.get(item, Statement()), _sort_by_time(given)
        annotators = {label.annotator for label in now}
        standing = [] if before.taken_back else before.labels
        kept = [label for label in standing if label.annotator not in annotators and _is_file_gone(label, files)]
        if _who_said_what(now) != _who_said_what(label for label in standing if label not in kept):
            rows += _number_rows(item, _sort_by_time([*kept, *now]), first + len(rows), taken_back=False)
    for item in dict.fromkeys(cleared):
        before = last.get(item, Statement())
        is_taken_back = not before.taken_back and not any(_is_file_gone(label, files) for label in before.labels)
        if item not in labels_by_item and is_taken_back:
            rows += _number_rows(item, before.labels, first + len(rows), taken_back=True)
    return rows


def _is_file_gone(label: Label, files: Collection[str]) -> bool:
    return label.row is not None and label.file not in files


def _sort_by_time(labels: Iterable[Label]) -> list[Label]:
    """Sort so that the last said is at the end; of the same said twice by one annotator keep the last."""
    latest: dict[tuple[str, str], Label] = {}
    for label in sorted(labels, key=lambda label: (label.at is not None, label.at)):
        latest.pop((label.annotator, label.class_name), None)
        latest[label.annotator, label.class_name] = label
    return list(latest.values())


def _who_said_what(labels: Iterable[Label]) -> list[tuple[str, str]]:
    return [(label.annotator, label.class_name) for label in labels]


def _number_rows(item: int, labels: Sequence[Label], first: int, taken_back: bool) -> list[NewRow]:
    return [NewRow(n, first, item, label, taken_back) for n, label in enumerate(labels, start=first)]
