"""The label source of simulations, which knows every answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from alframe.errors import LabelError
from alframe.kit.files import content_hash
from alframe.kit.round_folders import count_with_noun
from alframe.kit.tables import ImageMatcher, TableRow, match_rows, normalise_path, read_table
from alframe.types import Answers, Item, ItemId, Label, Problem, Request

_ADD_LABELS = (
    "If the folders are named after the classes, add pool.classes=true. If a CSV has the labels, name that file in "
    "label_source.truth."
)


@dataclass
class Simulated:
    """Answer at once with the known label of the image: the label in the pool, or in the CSV file `truth`."""

    truth: str | Path | None = None
    path_column: str = "path"
    label_column: str = "label"

    answers_now = True

    def request(self, request: Request) -> str:
        """Return a message. No person is asked."""
        return f"{count_with_noun(len(request.items), 'image')} to answer with the known labels."

    def collect(self, request: Request) -> Answers:
        """Return the true label of every item, and a Problem for each item without one. Raises LabelError (`truth`)."""
        labels, problems = [], []
        truth = {} if self.truth is None else self._match_truth(request.items)
        for item in request.items:
            if self.truth is None and item.label is not None:
                labels.append(Label(item.id, item.label, "simulated"))
            elif self.truth is None:
                problems.append(Problem("", None, f"The pool has no label for '{item.id}'. {_ADD_LABELS}"))
            elif label := truth.get(item.id):
                labels.append(replace(label, item=item.id))
            else:
                problems.append(Problem(str(self.truth), None, f"has no label for '{item.id}'. Add a row for it."))
        return Answers(labels, problems)

    def _match_truth(self, items: Sequence[Item]) -> dict[ItemId, Label]:
        """Return the true labels by item. Paths that are no ids are matched as in all other tables."""
        found = {item.id: label for item in items if (label := self._truth_by_path.get(normalise_path(item.id)))}
        others = [item for item in items if item.id not in found]
        if others:
            rows = (TableRow(label.row or 0, {"path": path}) for path, label in self._truth_by_path.items())
            for row in match_rows(str(self.truth), rows, "path", ImageMatcher(others)):
                if not isinstance(row, Problem) and row[1] is not None:
                    found[row[1]] = self._truth_by_path[row[0].get("path")]
        return found

    @cached_property
    def _truth_by_path(self) -> dict[str, Label]:
        """The labels in the CSV by path. The file is read once, because it may have a whole pool. Raises LabelError."""
        file = Path(str(self.truth))
        names: dict[str, tuple[str, int]] = {}
        for row in read_table(file, (self.path_column, self.label_column)):
            if isinstance(row, Problem):
                raise LabelError(f"The truth cannot be read. {row}")
            path = normalise_path(row.get(self.path_column))
            name = row.get(self.label_column).strip()
            before, line = names.setdefault(path, (name, row.line))
            if before != name:
                raise LabelError(
                    f"{file}, row {row.line}: '{path}' is '{name}', but '{before}' in row {line}. Keep one."
                )
        file_hash = content_hash(file)
        return {
            path: Label(path, name, "simulated", file=str(self.truth), row=line, answer_file_hash=file_hash)
            for path, (name, line) in names.items()
            if name
        }
