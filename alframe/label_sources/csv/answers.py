"""Take the labels from the rows of one CSV file."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from alframe.kit.answers import AnswerBuilder
from alframe.kit.files import content_hash
from alframe.kit.tables import TableRow
from alframe.kit.user_files import time_saved
from alframe.types import ItemId, Label, Problem

RESTORED_COLUMN = "again"  # of lists that were written anew, after somebody had removed the first


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns are called."""

    path: str = "path"
    label: str = "label"
    annotator: str = "annotator"


def add_file(
    builder: AnswerBuilder,
    file: Path,
    rows: Iterable[tuple[TableRow, ItemId | None] | Problem],
    columns: Columns,
    annotator: str,
    only_requested: bool,
) -> None:
    """Add the labels and the empty cells of one file to `builder`.

    `rows` come with the item each is about, None for one that was not asked for; where `only_requested`, such a row
    is a Problem if it has a label. `annotator` is used where the file names nobody.
    """
    saved, content = time_saved(file), ""
    with suppress(OSError):  # reading its rows reports it
        content = content_hash(file)
    answered = False
    for row in rows:
        if isinstance(row, Problem):
            builder.problems.append(row)
            builder.may_lack_labels = True
            continue
        cells, item = row
        if item is None and answered and not only_requested:
            continue
        name = cells.get(columns.label).strip()
        answered = answered or bool(name)
        if item is None:
            if name and only_requested:
                what = f"The image {cells.get(columns.path)!r} was not asked for in this round."
                builder.problems.append(Problem(str(file), cells.line, f"{what} Correct or remove the row."))
        elif name:
            who = cells.get(columns.annotator).strip() or annotator
            builder.add(Label(item, name, who, saved, str(file), cells.line, content))
        elif not cells.get(RESTORED_COLUMN):
            builder.add_empty(str(file), item)
    if answered:
        builder.answered_files.add(str(file))
