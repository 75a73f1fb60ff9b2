"""Read a table that a person saved with any program, row by row: a bad row costs that row and nothing else.

The rules, in full. Encoding: a byte-order mark decides (UTF-8, UTF-16); without one it is UTF-8 if the whole file is,
and otherwise the given fallback. Separator: comma, semicolon or tab, whichever makes the first line name the wanted
columns; Excel's "sep=;" line is understood. Header: case and spaces do not matter, and other columns are ignored.
Every cell stays text.
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import TextIO
from unicodedata import normalize

from alframe.errors import BadParams
from alframe.types import Problem

SEPARATORS = ",;\t"
MAX_RECORD_LINES = 200  # lines in one record; a quote that is still open after so many was never meant to open one
READ_BYTES = 1 << 20
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class TableRow:
    """One record: the line it starts on (the file's first line is 1) and its cells by folded column name."""

    line: int
    cells: Mapping[str, str]

    def get(self, column: str) -> str:
        """The cell, or "" where the column or the cell is not there."""
        return self.cells.get(_normalise_column(column), "")


def read_table(
    file: Path,
    columns: Sequence[str],
    encoding: str = "cp1252",
    is_known_path: Callable[[str], object] = lambda cell: None,
    align_cells: Callable[[Sequence[str], list[str]], list[str]] = lambda header, cells: cells,
) -> Iterator[TableRow | Problem]:
    """Yield a TableRow for each row that can be read and a Problem for each that cannot, in the file's order.

    Never raises. The file is read twice, for its encoding and for its rows, and never held as a whole. `columns` must
    be in the header. `is_known_path(cell)` says whether a cell of the first of them names something asked for: a quote
    that was left open may not swallow such a line. `align_cells(header, cells)` gets the normalised column names and
    the cells of a row that is shorter than the header, and returns the cells, each in its column.
    """
    try:
        with _open_text(file, encoding) as lines:
            yield from _read_rows(file, lines, columns, is_known_path, align_cells)
    except PermissionError:
        message = "cannot be read; it may be open in another program. Close it there and run the command again."
        yield Problem(str(file), None, message)
    except OSError as error:
        message = f"cannot be read: {error.strerror}. Put it back or check its permissions, and run the command again."
        yield Problem(str(file), None, message)


def has_columns(file: Path, columns: Sequence[str], encoding: str = "cp1252") -> bool:
    """Whether the file can be read and names these columns."""
    try:
        with _open_text(file, encoding) as lines:
            _read_header(lines, deque(), columns)
    except (OSError, ValueError):
        return False
    return True


def require_encoding(encoding: str, setting: str = "label_source.encoding") -> str:
    """Give `encoding` back, or raise BadParams."""
    try:
        codecs.lookup(encoding)
        "".encode(encoding)
    except LookupError:
        raise BadParams(
            f"{setting} is '{encoding}', which is no text encoding. Examples: cp1252, cp1250, gbk, big5."
        ) from None
    return encoding


@lru_cache(maxsize=1000)  # asked for in every row
def _normalise_column(column: str) -> str:
    return normalize("NFC", column).strip().casefold()


def _open_text(file: Path, fallback: str) -> TextIO:
    with file.open("rb") as raw:
        encoding = _detect_encoding(raw.read, fallback)
    # Bytes that do not fit become U+FFFD: they spoil the row they are in, which then matches nothing, and no other.
    return file.open(encoding=encoding, errors="replace", newline="")


def _detect_encoding(read: Callable[[int], bytes], fallback: str) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    start = chunk = read(READ_BYTES)
    for mark, name in BYTE_ORDER_MARKS:
        if start.startswith(mark):
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
) -> Iterator[TableRow | Problem]:
    ahead: deque[str] = deque()
    try:
        above, separator, header = _read_header(lines, ahead, columns)
    except ValueError as error:
        yield Problem(str(file), 1, str(error))
        return
    key, width = header.index(_normalise_column(columns[0])), len(header)

    def swallows(swallowed: Iterable[str]) -> bool:
        firsts = (_parse_record([line], separator)[0] or [] for line in swallowed)
        return any(is_known_path(cells[key]) for cells in firsts if len(cells) > key)

    for number, cells in _split_records(lines, ahead, above, separator, swallows):
        if cells is None:
            yield Problem(str(file), number, 'has a quote (") that does not close. Remove it.')
        elif len(cells) > width and any(cell.strip() for cell in cells[width:]):
            message = "has more cells than the first line has columns. Put quotes round a cell with a separator in it."
            yield Problem(str(file), number, message)
        elif any(map(str.strip, cells)):
            yield TableRow(
                number, dict(zip(header, cells if len(cells) >= width else align_cells(header, cells), strict=False))
            )


def _read_header(lines: Iterator[str], ahead: deque[str], columns: Sequence[str]) -> tuple[int, str, list[str]]:
    """How many lines the header and what is above it take, the separator and the column names; ValueError in words.

    What has been read of `lines` beyond that is left in `ahead`.
    """
    above, first = next(((at, line) for at, line in enumerate(lines) if line.strip()), (0, ""))
    if not first:
        raise ValueError(f"is empty. It needs the columns {', '.join(columns)}.")
    separators = SEPARATORS
    stated = first.strip("\r\n")
    if stated.lower().startswith("sep=") and len(stated) == 5:
        above, first, separators = above + 1, next(lines, ""), stated[4]
    ahead += [first, *islice(lines, MAX_RECORD_LINES - 1)]
    wanted = [_normalise_column(column) for column in columns]
    for separator in separators:
        cells, used = _parse_record(ahead, separator)
        names = [_normalise_column(cell) for cell in cells or []]
        if all(names.count(name) == 1 for name in wanted):
            for _ in range(used):
                ahead.popleft()
            return above + used, separator, names
    raise ValueError(
        f"must have each of the columns {', '.join(columns)} once, but its first line is {first.strip()[:200]!r}. "
        "Restore that line and save the file as CSV UTF-8."
    )


def _split_records(
    lines: Iterator[str], ahead: deque[str], number: int, separator: str, swallows: Callable[[Iterable[str]], bool]
) -> Iterator[tuple[int, list[str] | None]]:
    """Each record with the line it starts on; None if its quotes are wrong. `number` lines lie above the first."""
    step = partial(next, lines, None)
    while line := ahead.popleft() if ahead else step():
        cells: list[str] | None
        if '"' not in line:
            cells, used = line.rstrip("\r\n").split(separator), 1
        else:
            ahead.extend(islice(lines, MAX_RECORD_LINES - 1 - len(ahead)))
            cells, used = _parse_record(chain([line], ahead), separator)
            if used > 1 and swallows(islice(ahead, used - 1)):
                cells, used = None, 1
            for _ in range(used - 1):
                ahead.popleft()
        yield number + 1, cells
        number += used


def _parse_record(lines: Iterable[str], separator: str) -> tuple[list[str] | None, int]:
    """The cells of the record that `lines` begin with and how many lines it takes; None if its quotes are wrong."""
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        return next(reader), reader.line_num
    except (csv.Error, StopIteration):
        return None, 1
