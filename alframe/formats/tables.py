"""Read a table that a person saved with any program, row by row. A bad row does not affect other rows.

Encoding: a byte-order mark decides (UTF-8, UTF-16). Without a mark, the file is UTF-16 if every other byte is zero,
UTF-8 if the whole file is valid UTF-8, and otherwise has the given encoding. Separator: comma, semicolon, tab or |, the
one with which the first line names the required columns; Excel's line "sep=;" is understood. Header: case, spaces and
invisible characters do not matter, and other columns are ignored. Cells stay text. A .gz file is unpacked.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from alframe.class_names import clean_class_name
from alframe.errors import BadParams
from alframe.types import Problem

SEPARATORS = ",;\t|"
MAX_RECORD_LINES = 200  # a quote that is still open after so many lines was never meant to open one
MAX_LINES_ABOVE_HEADER = 50
READ_BYTES = 1 << 20
WORKBOOK_STARTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # a zip archive, or the container of .xls
_SEPARATOR_LINE = re.compile(
    r'"?sep *= *(.)"?[,;\t ]*', re.IGNORECASE
)  # Excel's; saved again, it has one for each column
BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table: the number of its first line in the file (from 1), and its cells by normalised column name."""

    line: int
    cells: Mapping[str, str]

    def get(self, column: str) -> str:
        """Return the cell, or "" if the column or the cell is missing."""
        return self.cells.get(normalise_column(column), "")


def read_table(
    file: Path,
    columns: Sequence[str],
    encoding: str = "cp1252",
    is_known_path: Callable[[str], object] = lambda cell: None,
    align_cells: Callable[[Sequence[str], list[str]], list[str]] = lambda header, cells: cells,
    separators: str = SEPARATORS,
) -> Iterator[TableRow | Problem]:
    """Yield a TableRow for each row that can be read and a Problem for each that cannot, in the file's order.

    Never raises. The file is read twice, for its encoding and for its rows, and is never in memory as a whole.
    `columns` must be in the header. `is_known_path(cell)` says whether a cell of the first of these columns names a
    requested image. If a quote is not closed, the cell ends before the next line with such an image.
    `align_cells(header, cells)` gets the normalised column names and the cells of a row that is shorter than the
    header, and returns the cells in the order of the columns. `separators` are the possible separators of cells.
    """
    try:
        with _open_text(file, encoding) as lines:
            yield from _read_rows(file, lines, columns, is_known_path, align_cells, separators)
    except PermissionError:
        message = "cannot be read; it may be open in another program. Close it there and run the command again."
        yield Problem(str(file), None, message)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"cannot be read: {reason}. Put it back or check its permissions, and run the command again."
        yield Problem(str(file), None, message)


def has_columns(file: Path, columns: Sequence[str], encoding: str = "cp1252") -> bool:
    """Return whether the file can be read and names these columns."""
    try:
        with _open_text(file, encoding) as lines:
            _read_header(lines, columns)
    except (OSError, ValueError):
        return False
    return True


def read_column_names(
    file: Path, encoding: str = "cp1252", separators: str = SEPARATORS, columns: Sequence[str] = ()
) -> list[str]:
    """Return the column names in the header, with the separator that `read_table` finds for `columns`. Raises OSError.

    Without `columns`, or if no separator gives these names, it is the separator that gives the most names. A bar is
    used only if no other separator gives several names, because a name can contain a bar: "sex (m|f)".
    """
    with _open_text(file, encoding) as lines:
        _, first, separators = _skip_to_header(lines, separators)
        ahead = [first, *islice(lines, MAX_RECORD_LINES - 1)]
    headers = [_parse_record(ahead, separator)[0] or [] for separator in separators]
    if columns and (fitting := next((header for header in headers if _has_each_once(header, columns)), None)):
        return [clean_class_name(name) for name in fitting]
    usual = [header for separator, header in zip(separators, headers, strict=True) if separator != "|"]
    longest = max(usual, key=len, default=[])
    names = longest if len(longest) > 1 else max(headers, key=len)
    return [clean_class_name(name) for name in names]


def find_header_line(
    file: Path, columns: Sequence[str], encoding: str = "cp1252", separators: str = SEPARATORS
) -> int | None:
    """Return the number of the first line, among the first 50, that names each of the columns once, or None.

    Raises OSError.
    """
    with _open_text(file, encoding) as lines:
        for number, line in enumerate(islice(lines, MAX_LINES_ABOVE_HEADER), start=1):
            if any(_has_each_once(_parse_record([line], separator)[0] or [], columns) for separator in separators):
                return number
    return None


def is_workbook(file: Path) -> bool:
    """Return whether a file begins like a workbook of Excel, LibreOffice or Numbers. Raises OSError."""
    with file.open("rb") as raw:
        return raw.read(8).startswith(WORKBOOK_STARTS)


def is_text_of_unknown_encoding(file: Path) -> bool:
    """Return whether a file has no byte-order mark and is not UTF-8, so that its encoding must be given."""
    with _open_bytes(file) as raw:
        return not _detect_encoding(raw.read, "")


def require_encoding(encoding: str, setting: str = "label_source.encoding") -> str:
    """Return `encoding` if Python has it as a text encoding, else raise BadParams."""
    try:
        codecs.lookup(encoding)
        "".encode(encoding)
    except LookupError:
        raise BadParams(
            f"{setting} is '{encoding}', which is not a text encoding. Examples: cp1252, cp1250, gbk, big5."
        ) from None
    return encoding


@lru_cache(maxsize=1000)  # used in every row
def normalise_column(column: str) -> str:
    """Return a column name in the form for comparisons: in lower case and without invisible characters."""
    return clean_class_name(column).casefold()


def _open_bytes(file: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(file)) if file.suffix == ".gz" else file.open("rb")


def _open_text(file: Path, fallback: str) -> TextIO:
    with _open_bytes(file) as raw:
        encoding = _detect_encoding(raw.read, fallback)
    # Bytes that do not fit become U+FFFD: they spoil only their own row, which then matches nothing.
    return io.TextIOWrapper(_open_bytes(file), encoding, errors="replace", newline="")


def _detect_encoding(read: Callable[[int], bytes], fallback: str) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    start = chunk = read(READ_BYTES)
    for mark, name in BYTE_ORDER_MARKS:
        if start.startswith(mark):
            return name
    if b"\0" in start:
        for name, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
            if zeros.count(0) > 0.6 * len(zeros):  # most letters of a table are of the Latin alphabet
                return name
    try:
        while chunk:
            decoder.decode(chunk)
            chunk = read(READ_BYTES)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return fallback
    return "utf-8"


def _read_rows(
    file: Path,
    lines: Iterator[str],
    columns: Sequence[str],
    is_known_path: Callable[[str], object],
    align_cells: Callable[[Sequence[str], list[str]], list[str]],
    separators: str,
) -> Iterator[TableRow | Problem]:
    try:
        line_count, separator, header, lines = _read_header(lines, columns, separators)
    except ValueError as error:
        yield Problem(str(file), 1, str(error))
        return
    path_index, width = header.index(normalise_column(columns[0])), len(header)

    def has_known_path(lines: Iterable[str]) -> bool:
        records = (_parse_record([line], separator)[0] or [] for line in lines)
        return any(is_known_path(cells[path_index]) for cells in records if len(cells) > path_index)

    for line, cells in _split_records(lines, line_count, separator, has_known_path):
        if cells is None:
            yield Problem(str(file), line, 'has a quote (") that does not close. Remove it.')
        elif len(cells) > width and any(cell.strip() for cell in cells[width:]):
            message = "has more cells than the first line has columns. Put quotes round a cell with a separator in it."
            yield Problem(str(file), line, message)
        elif any(map(str.strip, cells)):
            aligned = cells if len(cells) >= width else align_cells(header, cells)
            yield TableRow(line, dict(zip(header, aligned, strict=False)))


def _read_header(
    lines: Iterator[str], columns: Sequence[str], separators: str = SEPARATORS
) -> tuple[int, str, list[str], Iterator[str]]:
    """Return the number of lines up to the end of the header, the separator, the normalised names, and other lines.

    Raises ValueError with a message for the user.
    """
    above, first, separators = _skip_to_header(lines, separators)
    if not first:
        raise ValueError(f"is empty. It needs the columns {', '.join(columns)}.")
    ahead = [first, *islice(lines, MAX_RECORD_LINES - 1)]
    for separator in separators:
        cells, line_count = _parse_record(ahead, separator)
        if _has_each_once(cells or [], columns):
            names = [normalise_column(cell) for cell in cells or []]
            return above + line_count, separator, names, chain(ahead[line_count:], lines)
    raise ValueError(
        f"must have each of the columns {', '.join(columns)} once, but its first line is {first.strip()[:200]!r}. "
        "Restore that line and save the file as CSV UTF-8."
    )


def _has_each_once(header: Iterable[str], columns: Sequence[str]) -> bool:
    names = [normalise_column(name) for name in header]
    return all(names.count(normalise_column(column)) == 1 for column in columns)


def _skip_to_header(lines: Iterator[str], separators: str) -> tuple[int, str, str]:
    """Return the number of lines above the header, its first line, and its separators, which "sep=;" can name."""
    above, first = 0, ""
    for above, first in enumerate(lines):
        if statement := _SEPARATOR_LINE.fullmatch(first.strip("\r\n")):
            separators = statement[1]
        elif first.strip():
            return above, first, separators
    return above, "", separators


def _split_records(
    lines: Iterator[str], lines_before: int, separator: str, has_known_path: Callable[[Iterable[str]], bool]
) -> Iterator[tuple[int, list[str] | None]]:
    """Yield the number of the first line and the cells of each record. Cells are None if the quotes are wrong."""
    ahead: deque[str] = deque()
    while line := ahead.popleft() if ahead else next(lines, None):
        cells: list[str] | None
        if '"' not in line:
            cells, line_count = line.rstrip("\r\n").split(separator), 1
        else:
            ahead.extend(islice(lines, MAX_RECORD_LINES - 1 - len(ahead)))
            cells, line_count = _parse_record(chain([line], ahead), separator)
            if line_count > 1 and has_known_path(islice(ahead, line_count - 1)):
                cells, line_count = None, 1  # the quote was left open
            for _ in range(line_count - 1):
                ahead.popleft()
        yield lines_before + 1, cells
        lines_before += line_count


def _parse_record(lines: Iterable[str], separator: str) -> tuple[list[str] | None, int]:
    """Return the cells and the number of lines of the first record, or None and 1 if its quotes are wrong."""
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        return next(reader), reader.line_num
    except (csv.Error, StopIteration):
        return None, 1
