"""People write the class of each image into a CSV, with any spreadsheet program."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from alframe.errors import BadParams, LabelError
from alframe.formats.matching import matcher
from alframe.formats.tables import SEPARATORS, Row, check_encoding, rows
from alframe.label_sources.classes import check_policy, describe, resolver
from alframe.label_sources.rounds import count, round_folder
from alframe.store.files import replacing
from alframe.types import Answers, Item, ItemId, Label, Problem, Request

COLUMNS = ("path", "image", "label", "annotator")
WORKBOOKS = {".xlsx", ".xls", ".xlsm", ".ods", ".numbers"}


class Csv:
    """One CSV a round, `round-003/to_label.csv`; every CSV in that folder is read, since people save copies."""

    answers_now = False

    def __init__(
        self, new_classes: str = "ask", annotator: str = "", separator: str = ",", encoding: str = "cp1252"
    ) -> None:
        if separator not in tuple(SEPARATORS):
            raise BadParams(f"label_source.separator is {separator!r}; it must be a comma, a semicolon or a tab.")
        self.new_classes = check_policy(new_classes)
        self.annotator = annotator
        self.separator = separator
        self.encoding = check_encoding(encoding)

    def request(self, request: Request) -> str:
        """List the images that no file of this round lists yet; a file that is there is never written to."""
        folder = round_folder(request)
        match = matcher(item.id for item in request.items)
        listed: set[ItemId | None] = set()
        readable = True
        for file in self._files(folder):
            for row in rows(file, ("path", "label"), self.encoding, match):
                if isinstance(row, Row):
                    listed.add(match(row.get("path")))
                else:
                    readable = False
        missing = [item for item in request.items if item.id not in listed]
        file = folder / "to_label.csv"
        # While a list cannot be read in full, nobody knows what is missing; collect() says what is wrong with it.
        if missing and (readable or not file.exists()):
            number = 1
            while file.exists():
                number += 1
                file = folder / f"to_label-{number}.csv"
            self._write(file, missing)
        where = file if len(self._files(folder)) == 1 else folder
        return (
            f"Round {request.round}: {count(len(request.items), 'image')} to label, listed in {where}. "
            f"Write the class of each into the column 'label', save as CSV, and run the same command again. "
            f"{describe(request.classes, self.new_classes)}"
        )

    def collect(self, request: Request) -> Answers:
        """The answers in all CSV files of the round; where two files disagree, the one saved later counts."""
        folder = round_folder(request)
        match = matcher(item.id for item in request.items)
        resolve = resolver(request.classes, self.new_classes)
        answers: dict[ItemId, Label] = {}
        problems = [
            Problem(str(file), None, "is a workbook, which is not read. Save it as CSV UTF-8 in the same folder.")
            for file in _visible(folder)
            if file.suffix.lower() in WORKBOOKS
        ]
        for file in self._files(folder):
            saved = _saved(file)
            for row in rows(file, ("path", "label"), self.encoding, match):
                if isinstance(row, Problem):
                    problems.append(row)
                    continue
                if not row.get("label").strip():
                    continue
                try:
                    item, name = _understand(row, match, resolve)
                except LabelError as error:
                    problems.append(Problem(str(file), row.number, str(error)))
                    continue
                annotator = row.get("annotator").strip() or self.annotator
                label = Label(item, name, annotator, saved, str(file), row.number)
                earlier = answers.get(item)
                if earlier is not None and earlier.class_name != name:
                    message = (
                        f"'{item}' is '{earlier.class_name}' here but '{name}' in {file}, row {row.number}, "
                        "which comes later and counts. Make them agree or remove one."
                    )
                    problems.append(Problem(earlier.file, earlier.row, message))
                answers[item] = label
        return Answers([answers[item.id] for item in request.items if item.id in answers], problems)

    def _files(self, folder: Path) -> list[Path]:
        """The CSV files of a round, the one saved last at the end."""
        files = [file for file in _visible(folder) if file.suffix.lower() == ".csv"]
        return sorted(files, key=lambda file: (_saved(file), file.name))

    def _write(self, file: Path, items: Sequence[Item]) -> None:
        try:
            # The byte-order mark makes Excel read the file as UTF-8.
            with replacing(file) as temporary, temporary.open("w", newline="", encoding="utf-8-sig") as handle:
                writer = csv.writer(handle, delimiter=self.separator)
                writer.writerow(COLUMNS)
                writer.writerows((item.id, item.path.absolute(), "", "") for item in items)
        except OSError as error:
            raise LabelError(
                f"{file} cannot be written: {error.strerror}. Check that the folder may be written to and that the "
                "disk has room, and run the command again."
            ) from error


def _understand(row: Row, match: Callable[[str], ItemId | None], resolve: Callable[[str], str]) -> tuple[ItemId, str]:
    item = match(row.get("path"))
    if item is None:
        raise LabelError(f"The image {row.get('path')!r} was not asked for in this round. Correct or remove the row.")
    return item, resolve(row.get("label"))


def _visible(folder: Path) -> list[Path]:
    # "~$..." and ".~lock..." are the locks of Excel and LibreOffice, "._..." is a shadow file of macOS.
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith((".", "~$")))


def _saved(file: Path) -> datetime:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:  # gone since it was listed: read() reports it
        return datetime.fromtimestamp(0, UTC)
