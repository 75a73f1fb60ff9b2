"""From the rows of several CSV files to answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from alframe.errors import LabelError
from alframe.formats.digests import content_hash
from alframe.formats.tables import TableRow
from alframe.label_sources.csv.files import saved
from alframe.types import Answers, ItemId, Label, Problem, Request

AGAIN = "again"  # a column of lists that were written anew


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns are called."""

    path: str = "path"
    label: str = "label"
    annotator: str = "annotator"


@dataclass(slots=True)
class Gathering:
    """What the files read so far say: `written` are the images that have a label in any, `empty` those without in one.

    `complete`: there was nothing that could not be read, where a label may be.
    """

    resolver: Callable[[Sequence[str]], Callable[[str], str]]
    annotator: str
    labels: dict[ItemId, list[Label]] = field(default_factory=lambda: defaultdict(list))
    problems: list[Problem] = field(default_factory=list)
    written: set[ItemId] = field(default_factory=set)
    empty: set[ItemId] = field(default_factory=set)
    complete: bool = True

    def lacks(self, problem: Problem) -> None:
        """Note that something could not be read."""
        self.problems.append(problem)
        self.complete = False

    def add(
        self, file: Path, rows: Iterable[tuple[TableRow, ItemId | None] | Problem], columns: Columns, strangers: bool
    ) -> None:
        """Take in one file; `strangers`: it may be about images that were not asked for."""
        at, content = saved(file), _digest(file)
        empty = set()
        answered = False
        for one in rows:
            if isinstance(one, Problem):
                self.lacks(one)
                continue
            row, item = one
            if item is None and strangers and answered:
                continue
            name = row.get(columns.label).strip()
            answered = answered or bool(name)
            if item is None:
                if name and not strangers:
                    what = f"The image {row.get(columns.path)!r} was not asked for in this round."
                    self.problems.append(Problem(str(file), row.line, f"{what} Correct or remove the row."))
            elif name:
                self.written.add(item)
                who = row.get(columns.annotator).strip() or self.annotator
                self.labels[item].append(Label(item, name, who, at, str(file), row.line, content))
            elif not row.get(AGAIN):
                empty.add(item)
        # Where nobody has written anything nobody has emptied anything: the answers were in a copy, which is gone.
        if answered:
            self.empty |= empty

    def answers(self, request: Request) -> Answers:
        """All labels in the order of the request; blank is what is empty wherever it is listed."""
        blank = self.empty - self.written if self.complete else set()
        said = [label for item in request.items for label in self.labels.get(item.id, ())]
        resolve = self.resolver([label.class_name for label in said])
        labels = []
        for label in sorted(said, key=lambda one: (one.at is not None, one.at, one.row or 0)):
            try:
                labels.append(replace(label, class_name=resolve(label.class_name)))
            except LabelError as error:
                self.problems.append(Problem(label.file, label.row, str(error)))
        place = {item.id: at for at, item in enumerate(request.items)}
        return Answers(
            sorted(labels, key=lambda label: place[label.item]),
            self.problems,
            [item.id for item in request.items if item.id in blank],
        )


def _digest(file: Path) -> str:
    try:
        return content_hash(file)
    except OSError:  # reading its rows says so
        return ""
