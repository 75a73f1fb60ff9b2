"""People write the class of each image into a CSV, with any spreadsheet program."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from alframe.errors import BadParams, LabelError
from alframe.formats.matching import ImageMatcher, match_rows
from alframe.formats.tables import SEPARATORS, TableRow, has_columns, read_table, require_encoding
from alframe.kit.classes import CANNOT_TELL, check_policy, check_unsure, describe, resolver
from alframe.kit.round_folders import asked_before, count, round_folder
from alframe.label_sources.csv.answers import AGAIN, Columns, Gathering
from alframe.label_sources.csv.files import WORKBOOKS, in_folder, named, saved
from alframe.progress import track
from alframe.store.files import replacing
from alframe.types import Answers, Item, ItemId, Problem, Request


class Csv:
    """One CSV a round, `round-003/to_label.csv`; every CSV in that folder is read, since people save copies.

    `files` are CSVs of people's own, anywhere: paths, folders or patterns (`labels/*.csv`). They are read as well, each
    time, and may be about more images than were asked for. `path_column`, ... say what the columns are called in all
    of these; a list with the default names is understood too. `unsure`: the words for "cannot tell", besides that one.
    """

    answers_now = False

    def __init__(
        self,
        files: str | Path | Sequence[str | Path] = (),
        path_column: str = "path",
        label_column: str = "label",
        annotator_column: str = "annotator",
        unsure: str | Sequence[str] = CANNOT_TELL,
        new_classes: str = "ask",
        annotator: str = "",
        separator: str = ",",
        encoding: str = "cp1252",
    ) -> None:
        if separator not in tuple(SEPARATORS):
            raise BadParams(f"label_source.separator is {separator!r}; it must be a comma, a semicolon or a tab.")
        names = tuple(map(str.strip, (path_column, label_column, annotator_column)))
        if len({name.casefold() for name in names} - {"", AGAIN}) < len(names):
            raise BadParams(
                f"label_source.path_column, label_column and annotator_column are {', '.join(map(repr, names))}; "
                f"they must be three different names, and none '{AGAIN}', which the lists use."
            )
        self.files = (str(files),) if isinstance(files, str | Path) else tuple(map(str, files))
        self.columns = Columns(*names)
        self.unsure = check_unsure(unsure)
        self.new_classes = check_policy(new_classes)
        self.annotator = annotator
        self.separator = separator
        self.encoding = require_encoding(encoding)

    @property
    def answers_persist(self) -> bool:
        """Whether answers may be in files of the user's own, where they stay whatever the round."""
        return bool(self.files)

    def request(self, request: Request) -> str:
        """List the images that no file of this round lists yet; a file that is there is never written to."""
        folder = round_folder(request)
        match = ImageMatcher(request.items)
        read = [one for file in in_folder(folder) for one in self._rows(file, self._columns(file), match)]
        listed = {one[1] for one in read if not isinstance(one, Problem)}
        missing = [item for item in request.items if item.id not in listed]
        file = folder / "to_label.csv"
        # While a list cannot be read in full, nobody knows what is missing; collect() says what is wrong with it.
        if missing and (not file.exists() or not any(isinstance(one, Problem) for one in read)):
            number = 1
            while file.exists():
                number += 1
                file = folder / f"to_label-{number}.csv"
            self._write(file, missing, request)
        where = file if len(in_folder(folder)) == 1 else folder
        others = count(len(named(self.files, request.folder, "label_source.files")[0]), "file")
        return (
            f"Round {request.round}: {count(len(request.items), 'image')} to label, listed in {where}. Write the class "
            f"of each into the column '{self.columns.label}', save as CSV, and run the same command again. "
            + (f"{others} of label_source.files will be read too. " if self.files else "")
            + describe(request.classes, self.new_classes)
        )

    def collect(self, request: Request) -> Answers:
        """All that the CSV files say: of an image as often as it is written, the file saved last at the end.

        An image is blank if its cell is empty wherever it is listed, all files could be read, and some other image has
        a label in that file.
        """
        folder = round_folder(request)
        match = ImageMatcher(request.items)
        gathering = Gathering(
            lambda said: resolver(request.classes, self.new_classes, self.unsure, said), self.annotator
        )
        for file in in_folder(folder, WORKBOOKS):
            message = "is a workbook, which is not read. Save it as CSV UTF-8 in the same folder."
            gathering.lacks(Problem(str(file), None, message))
        own = in_folder(folder)
        others, problems = named(self.files, request.folder, "label_source.files")
        for problem in problems:
            gathering.lacks(problem)
        for file in sorted({*own, *others}, key=lambda file: (saved(file), file.name)):
            columns = self._columns(file)
            gathering.add(file, self._rows(file, columns, match), columns, strangers=file not in own)
        return gathering.answers(request)

    def _columns(self, file: Path) -> Columns:
        """What the columns are called in this file: as is set, or as it was before somebody set it."""
        default = Columns()
        if self.columns == default or has_columns(file, (self.columns.path, self.columns.label), self.encoding):
            return self.columns
        return default if has_columns(file, (default.path, default.label), self.encoding) else self.columns

    def _rows(
        self, file: Path, columns: Columns, match: ImageMatcher
    ) -> Iterator[tuple[TableRow, ItemId | None] | Problem]:
        found = read_table(file, (columns.path, columns.label), self.encoding, match.is_known_path)
        return match_rows(str(file), track(found, f"Reading {file.name}", unit="row"), columns.path, match)

    def _write(self, file: Path, items: Sequence[Item], request: Request) -> None:
        try:
            again = {AGAIN: "yes"} if asked_before(request) else {}
            # The byte-order mark makes Excel read the file as UTF-8.
            with replacing(file) as temporary, temporary.open("w", newline="", encoding="utf-8-sig") as handle:
                cells = [self._cells(item) | again for item in items]
                writer = csv.DictWriter(handle, cells[0], delimiter=self.separator)
                writer.writeheader()
                writer.writerows(cells)
        except OSError as error:
            raise LabelError(
                f"{file} cannot be written: {error.strerror}. Check that the folder may be written to and that the "
                "disk has room, and run the command again."
            ) from error

    def _cells(self, item: Item) -> dict[str, str]:
        cells = {self.columns.path: item.id, self.columns.label: "", self.columns.annotator: ""}
        if "image" in map(str.casefold, cells):
            return cells
        return {self.columns.path: item.id, "image": str(item.path.absolute()), **cells}
