"""People write the class of each image into a CSV, with any spreadsheet program."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alframe.errors import BadParams
from alframe.kit.answers import AnswerBuilder
from alframe.kit.classes import NEW_CLASSES_RULES, UNSURE_WORDS, describe_classes, parse_unsure_words
from alframe.kit.files import hash_if_readable, replace_atomically
from alframe.kit.parameters import require_one_of
from alframe.kit.progress import track
from alframe.kit.round_folders import count_with_noun, marking_round_asked, round_folder
from alframe.kit.round_images import box_to_show
from alframe.kit.tables import (
    WORKBOOK_SUFFIXES,
    ImageMatcher,
    TableRow,
    files_in_folder,
    find_tables,
    formula_safe_path,
    has_columns,
    match_rows,
    read_table,
    require_encoding,
    time_saved,
)
from alframe.types import Answers, Item, ItemId, Label, Problem, Request

REISSUED_COLUMN = "again"  # of lists that were written again, after somebody had removed the first


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """The names of the columns."""

    path: str = "path"
    label: str = "label"
    annotator: str = "annotator"


@dataclass
class Csv:
    """Ask for labels in a CSV file for each round: `round-003/to_label.csv`.

    People write the class of each image into the column of the label. All CSV files in the folder of the round are
    read, copies of the file too.
    """

    files: str | Path | Sequence[str | Path] = ()
    path_column: str = "path"
    label_column: str = "label"
    annotator_column: str = "annotator"
    unsure: str | Sequence[str] = UNSURE_WORDS
    new_classes: str = "ask"
    annotator: str = ""
    separator: str = ","
    encoding: str = "cp1252"

    answers_now = False

    def __post_init__(self) -> None:
        if self.separator not in (",", ";", "\t"):
            raise BadParams(f"label_source.separator is {self.separator!r}; it must be a comma, a semicolon or a tab.")
        names = tuple(map(str.strip, (self.path_column, self.label_column, self.annotator_column)))
        if len({name.casefold() for name in names} - {"", REISSUED_COLUMN}) < len(names):
            raise BadParams(
                f"label_source.path_column, label_column and annotator_column are {', '.join(map(repr, names))}; "
                f"they must be three different names, and not '{REISSUED_COLUMN}', which alframe's lists use."
            )
        self.columns = ColumnNames(*names)
        self.unsure = parse_unsure_words(self.unsure)
        require_one_of("label_source 'csv'", NEW_CLASSES_RULES, new_classes=self.new_classes)
        require_encoding(self.encoding)

    @property
    def answers_persist(self) -> bool:
        """Whether answers may be in files of the user, which have the answers of all rounds."""
        return bool(self.files)

    def request(self, request: Request) -> str:
        """List the images that no file of this round lists yet. An existing file is never changed."""
        folder = round_folder(request)
        with marking_round_asked(request) as asked_before:
            file, is_readable = self._complete_lists(folder, request, asked_before)
        where = file if len(files_in_folder(folder)) == 1 else folder
        others = len(find_tables(self.files, request.folder, "label_source.files")[0])
        read_too = f"{count_with_noun(others, 'file')} of label_source.files will be read too. "
        if not others:
            read_too = "No file of label_source.files exists yet; alframe will read it when it exists. "
        boxes = sum(box_to_show(item) is not None for item in request.items)
        about_boxes = (
            f"Rows about one box of an image: {boxes} (#2 is its second box). A table cannot show the box; "
            "label_source=web, timelapse and folder show it. "
        )
        return (
            f"Round {request.round}: {count_with_noun(len(request.items), 'image')} to label, listed in {where}. Write "
            f"the class of each into the column '{self.columns.label}', save as CSV, and run the same command again. "
            + (about_boxes if boxes else "")
            + (read_too if self.files else "")
            + ("" if is_readable else "If you delete a list that cannot be read, this command writes it again. ")
            + describe_classes(request.classes, self.new_classes, request.named_since)
        )

    def _complete_lists(self, folder: Path, request: Request, asked_before: bool) -> tuple[Path, bool]:
        """List the images that no file in the folder lists. Raises OSError.

        Return the newest list, and whether all lists could be read completely.
        """
        matcher = ImageMatcher(request.items)
        rows = [
            row
            for file in files_in_folder(folder)
            for row in self._read_matched_rows(file, self._columns_of(file), matcher)
        ]
        listed = {row[1] for row in rows if not isinstance(row, Problem)}
        missing = [item for item in request.items if item.id not in listed]
        file = folder / "to_label.csv"
        is_readable = not any(isinstance(row, Problem) for row in rows)
        # While a list cannot be read in full, nobody knows what is missing; collect() reports its problems.
        if missing and (not file.exists() or is_readable):
            number = 1
            while file.exists():
                number += 1
                file = folder / f"to_label-{number}.csv"
            self._write_list(file, missing, asked_before)
        return file, is_readable

    def collect(self, request: Request) -> Answers:
        """Return every label in the CSV files. The labels of an item are in the order in which the files were saved.

        An image is cleared if all its cells are empty, all files could be read, and another image has a label in that
        file.
        """
        folder = round_folder(request)
        matcher = ImageMatcher(request.items)
        builder = AnswerBuilder(request.classes, self.new_classes, self.unsure)
        for file in files_in_folder(folder, WORKBOOK_SUFFIXES):
            message = "is a workbook, which is not read. Save it as CSV UTF-8 in the same folder."
            builder.problems.append(Problem(str(file), None, message))
        lists = files_in_folder(folder)
        own_tables, problems = find_tables(self.files, request.folder, "label_source.files")
        builder.problems += problems
        builder.has_unread_rows = bool(builder.problems)
        for file in sorted({*lists, *own_tables}, key=lambda file: (time_saved(file), file.name)):
            self._collect_file(builder, file, matcher, only_requested=file in lists)
        return builder.build(request.items, order=_time_and_row)

    def _collect_file(self, builder: AnswerBuilder, file: Path, matcher: ImageMatcher, only_requested: bool) -> None:
        """Add the labels and the empty cells of one file.

        With `only_requested`, the label of an image that was not requested is a Problem.
        """
        columns, saved = self._columns_of(file), time_saved(file)
        file_hash = hash_if_readable(file) or ""  # if not, reading its rows reports it
        strays: list[TableRow] = []
        names_requested = False
        for row in self._read_matched_rows(file, columns, matcher):
            if isinstance(row, Problem):
                builder.problems.append(row)
                builder.has_unread_rows = True
                continue
            cells, item = row
            name = cells.get(columns.label).strip()
            names_requested |= item is not None
            if name:
                builder.answered_files.add(str(file))
            if item is None and name and not only_requested:
                strays.append(cells)
            elif item is None:
                if name:
                    what = f"The image {cells.get(columns.path)!r} was not requested in this round."
                    builder.problems.append(Problem(str(file), cells.line, f"{what} Correct or remove the row."))
            elif name:
                annotator = cells.get(columns.annotator).strip() or self.annotator
                builder.add(Label(item, name, annotator, saved, str(file), cells.line, file_hash))
            elif not cells.get(REISSUED_COLUMN):
                builder.add_unanswered(str(file), item)
        if not names_requested and (meant := matcher.find_first_match([cells.get(columns.path) for cells in strays])):
            position, image = meant
            cells = strays[position]
            message = (
                f"No row names an image of this round, but {cells.get(columns.path)!r} ends like {image!r}. If it "
                "is that image, write paths relative to the folder of the images."
            )
            builder.problems.append(Problem(str(file), cells.line, message))

    def _columns_of(self, file: Path) -> ColumnNames:
        """Return the names of the columns in this file: the given names, or else the default names."""
        default = ColumnNames()
        if self.columns == default or has_columns(file, (self.columns.path, self.columns.label), self.encoding):
            return self.columns
        return default if has_columns(file, (default.path, default.label), self.encoding) else self.columns

    def _read_matched_rows(
        self, file: Path, columns: ColumnNames, matcher: ImageMatcher
    ) -> Iterator[tuple[TableRow, ItemId | None] | Problem]:
        rows = read_table(file, (columns.path, columns.label), self.encoding, matcher.is_known_path)
        return match_rows(str(file), track(rows, f"Reading {file.name}", unit="row"), columns.path, matcher)

    def _write_list(self, file: Path, items: Sequence[Item], reissued: bool) -> None:
        rows = [self._row_to_fill(item) | ({REISSUED_COLUMN: "yes"} if reissued else {}) for item in items]
        # The byte-order mark makes Excel read the file as UTF-8.
        with replace_atomically(file) as temporary, temporary.open("w", newline="", encoding="utf-8-sig") as handle:
            writer = csv.DictWriter(handle, rows[0], delimiter=self.separator)
            writer.writeheader()
            writer.writerows(rows)

    def _row_to_fill(self, item: Item) -> dict[str, str]:
        path = formula_safe_path(item.id)
        cells = {self.columns.path: path, self.columns.label: "", self.columns.annotator: ""}
        if "image" in map(str.casefold, cells):
            return cells
        return {self.columns.path: path, "image": str(item.path.absolute()), **cells}


def _time_and_row(label: Label) -> tuple[float, int]:
    return label.labelled_at.timestamp() if label.labelled_at else 0.0, label.row or 0
