"""An oracle that knows every answer, for experiments."""

from __future__ import annotations

from pathlib import Path

from alframe.errors import LabelError
from alframe.formats.digests import content_hash
from alframe.formats.matching import normalise_path
from alframe.formats.tables import read_table
from alframe.kit.round_folders import format_count
from alframe.types import Answers, Item, Label, Problem, Request


class Simulated:
    """Answers at once with the pool's own hidden label, or with that of a CSV of truths.

    The truth is taken at its word: a class that no label has had before is simply found, as it is in a campaign.
    """

    answers_now = True

    def __init__(self, truth: str | Path | None = None, path_column: str = "path", label_column: str = "label") -> None:
        self.truth = None if truth is None else str(truth)
        self.path_column = path_column
        self.label_column = label_column
        self._read: tuple[dict[str, tuple[str, int]], str] | None = None

    def request(self, request: Request) -> str:
        """Nothing to do: the oracle needs no asking."""
        return f"{format_count(len(request.items), 'image')} asked of the simulated oracle."

    def collect(self, request: Request) -> Answers:
        """The truth about every requested item; a Problem for each that has none.

        Raises LabelError if the CSV of truths cannot be read.
        """
        labels, problems = [], []
        for item in request.items:
            label = self._hidden(item) if self.truth is None else self._listed(item, self.truth)
            if label is not None:
                labels.append(label)
            elif self.truth is None:
                message = f"The pool has no label for '{item.id}'. Add it, or set label_source.truth to a CSV."
                problems.append(Problem("", None, message))
            else:
                problems.append(Problem(self.truth, None, f"has no label for '{item.id}'. Add a row for it."))
        return Answers(labels, problems)

    def _hidden(self, item: Item) -> Label | None:
        return None if item.label is None else Label(item.id, item.label, annotator="simulated")

    def _listed(self, item: Item, truth: str) -> Label | None:
        # Read once: a truth for the whole pool is long, and it does not change while an experiment runs.
        if self._read is None:
            self._read = self._load(Path(truth)), content_hash(Path(truth))
        truths, content = self._read
        name, row = truths.get(normalise_path(item.id), ("", 0))
        return Label(item.id, name, "simulated", file=truth, row=row, digest=content) if name else None

    def _load(self, file: Path) -> dict[str, tuple[str, int]]:
        truths: dict[str, tuple[str, int]] = {}
        for row in read_table(file, (self.path_column, self.label_column)):
            if isinstance(row, Problem):
                raise LabelError(f"The truth cannot be read. {row}")
            item = normalise_path(row.get(self.path_column))
            name = row.get(self.label_column).strip()
            before, line = truths.setdefault(item, (name, row.line))
            if before != name:
                raise LabelError(
                    f"{file}, row {row.line}: '{item}' is '{name}', but '{before}' in row {line}. Keep one."
                )
        return truths
