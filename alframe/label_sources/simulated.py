"""An oracle that knows every answer, for experiments."""

from __future__ import annotations

from pathlib import Path

from alframe.errors import LabelError
from alframe.kit.files import content_hash
from alframe.kit.matching import normalise_path
from alframe.kit.round_folders import format_count
from alframe.kit.tables import read_table
from alframe.types import Answers, Item, Label, Problem, Request


class Simulated:
    """Oracle that answers at once with the pool's own hidden label, or with that of `truth`, a CSV.

    A class that no label has had before is simply found, as in a campaign; no name is taken for a typing error.
    """

    answers_now = True

    def __init__(self, truth: str | Path | None = None, path_column: str = "path", label_column: str = "label") -> None:
        self.truth = None if truth is None else str(truth)
        self.path_column = path_column
        self.label_column = label_column
        self._cached_truth: tuple[dict[str, tuple[str, int]], str] | None = None

    def request(self, request: Request) -> str:
        """Return a message; the oracle needs no asking."""
        return f"{format_count(len(request.items), 'image')} asked of the simulated oracle."

    def collect(self, request: Request) -> Answers:
        """Return the true label of every requested item, and a Problem for each that has none.

        Raises LabelError if the CSV of truths cannot be read.
        """
        labels, problems = [], []
        for item in request.items:
            label = self._label_of_pool(item) if self.truth is None else self._label_of_table(item, self.truth)
            if label is not None:
                labels.append(label)
            elif self.truth is None:
                message = f"The pool has no label for '{item.id}'. Add it, or set label_source.truth to a CSV."
                problems.append(Problem("", None, message))
            else:
                problems.append(Problem(self.truth, None, f"has no label for '{item.id}'. Add a row for it."))
        return Answers(labels, problems)

    def _label_of_pool(self, item: Item) -> Label | None:
        return None if item.label is None else Label(item.id, item.label, annotator="simulated")

    def _label_of_table(self, item: Item, truth: str) -> Label | None:
        # Read once: a truth for the whole pool is long, and it does not change while an experiment runs.
        if self._cached_truth is None:
            self._cached_truth = self._read_truth(Path(truth)), content_hash(Path(truth))
        names, file_hash = self._cached_truth
        name, row = names.get(normalise_path(item.id), ("", 0))
        return Label(item.id, name, "simulated", file=truth, row=row, answer_file_hash=file_hash) if name else None

    def _read_truth(self, file: Path) -> dict[str, tuple[str, int]]:
        """Return the class and the row of each path. Raises LabelError."""
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
        return names
