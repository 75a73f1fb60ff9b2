"""Find new statements. A statement is everything that one source reports about one item at one time, mostly one label.

Only new statements are added to the ledger. So a source can be read many times, even if its files have moved.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import PureWindowsPath

from alframe.store.records import StoredLabel, dump_time
from alframe.types import Label

_ROUND_FOLDER = re.compile(r"round-\d+")
StatementKey = tuple[int, int | None, str]  # item, round and origin


def find_last_statements(rows: Iterable[StoredLabel]) -> dict[StatementKey, list[StoredLabel]]:
    """Return the rows of the last statement of each source on each item. `rows` are in the order of their numbers."""
    last: dict[StatementKey, list[StoredLabel]] = {}
    for row in rows:
        source = (row.item, row.round, row.origin)
        if row.n == row.statement:
            last[source] = []
        last[source].append(row)
    return last


def find_new_statements(
    labels: Iterable[tuple[int, Label]],
    cleared: Iterable[int],
    last: Mapping[StatementKey, Sequence[StoredLabel]],
    round_number: int | None,
    origin: str,
) -> list[StoredLabel]:
    """Return the rows to append, numbered from 0, for the statements that differ from the `last` ones.

    If a table (a file with rows) has no label now, it is missing or unreadable. Its earlier labels stay valid, together
    with labels of other annotators and older labels of the same annotator, and also if the item is `cleared` in another
    place. All other statements about a cleared item are cleared.
    """
    labels_by_item: dict[int, list[Label]] = {}
    for item, label in labels:
        labels_by_item.setdefault(item, []).append(label)
    files = {_path_from_round_folder(label.file) for said in labels_by_item.values() for label in said}
    new: list[StoredLabel] = []
    for item, said in labels_by_item.items():
        source = (item, round_number, origin)
        before = _unless_taken_back(last.get(source, ()))
        now = _latest_by_time(_with_earlier_time(label, before) for label in said)
        times = {label.annotator: label.labelled_at for label in now}  # of the last label of each
        kept = [
            row
            for row in before
            if _is_answer_file_missing(row, files)
            and (row.annotator not in times or _is_later(row.time, times[row.annotator]))
        ]
        is_changed = _annotator_class_pairs(now) != _annotator_class_pairs(row for row in before if row not in kept)
        found = _latest_by_time([*(row.to_label() for row in kept), *now])
        if is_changed and _annotator_class_pairs(found) != _annotator_class_pairs(before):
            new += _make_numbered_rows(source, found, len(new))
    for item in dict.fromkeys(cleared):
        before = _unless_taken_back(last.get((item, round_number, origin), ()))
        if before and item not in labels_by_item and not any(_is_answer_file_missing(row, files) for row in before):
            first = len(new)
            new += [row._replace(n=n, statement=first, taken_back=1) for n, row in enumerate(before, start=first)]
    return new


def _unless_taken_back(statement: Sequence[StoredLabel]) -> Sequence[StoredLabel]:
    return () if statement and statement[0].taken_back else statement


def _is_answer_file_missing(row: StoredLabel, files: Collection[tuple[str, ...]]) -> bool:
    return row.row is not None and _path_from_round_folder(row.file) not in files


@lru_cache(maxsize=1000)
def _path_from_round_folder(path: str) -> tuple[str, ...]:
    """Return the parts of a path from its round's folder on (they stay the same in a moved project), else all parts."""
    parts = PureWindowsPath(path).parts
    round_folders = [index for index, part in enumerate(parts) if _ROUND_FOLDER.fullmatch(part)]
    return parts[round_folders[-1] :] if round_folders else parts


def _with_earlier_time(label: Label, before: Sequence[StoredLabel]) -> Label:
    """Return the label of a table with its time in the ledger, because saving a file again is no new answer."""
    if label.row is None:
        return label
    found = (
        row.time
        for row in before
        if (row.annotator, row.class_name) == (label.annotator, label.class_name)
        and row.row is not None
        and _path_from_round_folder(row.file) == _path_from_round_folder(label.file)
    )
    return replace(label, labelled_at=next(found, label.labelled_at))


def _is_later(time: datetime | None, other: datetime | None) -> bool:
    return time is not None and other is not None and time > other


def _latest_by_time(labels: Iterable[Label]) -> list[Label]:
    """Return the labels sorted by time. If an annotator gave the same label twice, only the last one is kept."""
    latest: dict[tuple[str, str], Label] = {}
    for label in sorted(labels, key=lambda label: (label.labelled_at is not None, label.labelled_at)):
        latest.pop((label.annotator, label.class_name), None)
        latest[label.annotator, label.class_name] = label
    return list(latest.values())


def _annotator_class_pairs(labels: Iterable[Label | StoredLabel]) -> list[tuple[str, str]]:
    return [(label.annotator, label.class_name) for label in labels]


def _make_numbered_rows(source: StatementKey, labels: Sequence[Label], first: int) -> list[StoredLabel]:
    rows = []
    for n, label in enumerate(labels, start=first):
        said = label.class_name, label.annotator, dump_time(label.labelled_at)
        rows.append(StoredLabel(n, first, 0, *source, *said, label.file, label.row, label.answer_file_hash, source[0]))
    return rows
