"""Read images listed in a CSV file, with what its columns say about each."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

from alframe.errors import PoolError
from alframe.kit.image_paths import absolute_path, download_hint
from alframe.kit.listed_images import SEVERAL_RULES, ListedImage, ListedImages
from alframe.kit.parameters import did_you_mean, require_one_of, require_parameter
from alframe.kit.tables import require_encoding
from alframe.types import Item


@dataclass
class Csv:
    """Pool of the images that the rows of `file` name, in the file's order.

    Relative paths start at `root` (default: the file's folder), with either slash. A column parameter holds a column's
    name, or None where there is no such column. Every cell stays text, so that "NA" and "001" can be classes; blank
    cells mean "not known", as does the word `unlabelled` for a label, and spaces around a cell are dropped. Where the
    classes of an image's rows differ, `several` decides: skip leaves the image out, first takes the first. In the
    split column "test" is the test split; all else is the pool. Times are local to the camera: ISO 8601 or EXIF form (a
    UTC offset is ignored), or `time_format` as for strptime. `delimiter` is found from the header among comma,
    semicolon and tab if None. With `class_names`, the label column holds their numbers, from 0. `available_from` says
    where the set can be downloaded when a file is missing.
    """

    file: str | Path
    root: str | Path | None = None
    path_column: str = "path"
    label_column: str | None = None
    unlabelled: str | None = None
    camera_column: str | None = None
    time_column: str | None = None
    time_format: str | None = None
    sequence_column: str | None = None
    split_column: str | None = None
    delimiter: str | None = None
    encoding: str = "utf-8-sig"
    class_names: Sequence[str] = ()
    available_from: str | None = None
    several: str = "skip"

    def __post_init__(self) -> None:
        is_valid = self.delimiter is None or (len(self.delimiter) == 1 and self.delimiter not in '"\r\n')
        require_parameter("pool 'csv'", is_valid, "one character, or null to find it", delimiter=self.delimiter)
        columns = ("path", "label", "camera", "time", "sequence", "split")
        self.columns: dict[str, str | None] = {name: getattr(self, f"{name}_column") for name in columns}
        require_encoding(self.encoding, "pool.encoding")
        require_one_of("pool 'csv'", SEVERAL_RULES, several=self.several)

    def items(self) -> Iterator[Item]:
        """Yield the listed images; raises PoolError naming file, row (1 = the header's line) and remedy."""
        file = absolute_path(self.file)
        root, hint = absolute_path(self.root or file.parent), download_hint(self.available_from)
        listed = ListedImages(file, root, self.several, hint)
        yield from listed.items(self._row(line, cells, file) for line, cells in self._read(file))

    def _read(self, file: Path) -> Iterator[tuple[int, dict[str, str]]]:
        try:
            with file.open(encoding=self.encoding, newline="") as text:
                yield from self._parse_rows(text, file)
        except FileNotFoundError:
            raise PoolError(
                f"{file} does not exist.{download_hint(self.available_from)} "
                "Set pool.file to the CSV file that lists the images."
            ) from None
        except OSError as error:
            remedy = "Set pool.file to a readable CSV file."
            raise PoolError(f"{file} cannot be read: {error.strerror}. {remedy}") from error
        except UnicodeError as error:
            raise PoolError(
                f"{file} is not {self.encoding} text ({error}). Set pool.encoding, e.g. cp1252 for a file from Excel, "
                f"or save it as UTF-8."
            ) from error

    def _parse_rows(self, text: TextIO, file: Path) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the first line (from 1) of each row that is not blank, and its cells by the names of `self.columns`."""
        line = 1
        try:
            header_line = text.readline()
            text.seek(0)
            likeliest = max(",;\t", key=lambda mark: len(next(csv.reader([header_line], delimiter=mark), [])))
            # Strict, since a quote that is left open would swallow the rest.
            reader = csv.reader(text, delimiter=self.delimiter or likeliest, strict=True)
            header = [name.strip() for name in next(reader, [])]
            indices = {key: _find_column(name, key, header, file) for key, name in self.columns.items()}
            line = reader.line_num + 1
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    if len(cells) < len(header) or any(cell.strip() for cell in cells[len(header) :]):
                        raise PoolError(
                            f"{file}, row {line}: {len(cells)} cells, but the header has {len(header)}. "
                            f"Complete the row, and put cells that contain the delimiter in quotation marks."
                        )
                    yield line, {key: "" if index is None else cells[index].strip() for key, index in indices.items()}
                line = reader.line_num + 1
        except csv.Error as error:
            raise PoolError(f"{file}, row {line}: {error}. Is a quotation mark left open there?") from error

    def _row(self, line: int, cells: dict[str, str], file: Path) -> ListedImage:
        position = f"{file}, row {line}"
        label = self._parse_label(cells["label"], position)
        return ListedImage(
            cells["path"],
            f"row {line}",
            [(label, None)] if label else [],
            split="test" if cells["split"].lower() == "test" else "pool",
            camera=cells["camera"] or None,
            taken=self._parse_time(cells["time"], position),
            sequence=cells["sequence"] or None,
        )

    def _parse_label(self, text: str, position: str) -> str | None:
        if text in ("", self.unlabelled):
            return None
        if not self.class_names:
            return text
        if not (text.isascii() and text.isdigit() and int(text) < len(self.class_names)):
            raise PoolError(
                f"{position}: '{text}' in column '{self.columns['label']}' is not the number of one of the "
                f"{len(self.class_names)} classes, 0 to {len(self.class_names) - 1}. Correct it, or pool.class_names."
            )
        return self.class_names[int(text)]

    def _parse_time(self, text: str, position: str) -> datetime | None:
        if not text:
            return None
        try:
            if self.time_format:
                time = datetime.strptime(text, self.time_format)
            else:
                time = datetime.fromisoformat(re.sub(r"^(\d{4}):(\d\d):(\d\d)(?!\d)", r"\1-\2-\3", text))
        except ValueError:
            expected = f"of the form {self.time_format}" if self.time_format else "like 2024-05-31 06:12:14"
            raise PoolError(
                f"{position}: '{text}' in column '{self.columns['time']}' is not a time {expected}. "
                f"Set pool.time_format, e.g. '%d/%m/%Y %H:%M', or leave the cell blank."
            ) from None
        return time.replace(tzinfo=None)


def _find_column(name: str | None, key: str, header: list[str], file: Path) -> int | None:
    if name is None:
        return None
    if header.count(name) > 1:
        raise PoolError(f"{file} has {header.count(name)} columns '{name}'. Rename all but one.")
    if name not in header:
        raise PoolError(
            f"{file} has no column '{name}'.{did_you_mean(name, header)} It has: {', '.join(header) or 'none'}. "
            f"Set pool.{key}_column."
        )
    return header.index(name)
