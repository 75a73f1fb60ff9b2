"""Read a table that a person saved with any program, row by row: a bad row costs that row and nothing else.

The rules, in full. Encoding: a byte-order mark decides (UTF-8, UTF-16); without one it is UTF-8 if the whole file is,
and otherwise the given fallback. Separator: comma, semicolon or tab, whichever makes the first line name the wanted
columns; Excel's "sep=;" line is understood. Header: case and spaces do not matter, and other columns are ignored.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from alframe.errors import BadParams
from alframe.types import ItemId, Problem

SEPARATORS = ",;\t"
LONGEST = 200  # lines in one record; a quote that is still open after so many was never meant to open one


@dataclass(frozen=True, slots=True)
class Row:
    """One record: the line it starts on (the file's first line is 1) and its cells by lower-case column name."""

    number: int
    cells: Mapping[str, str]

    def get(self, column: str) -> str:
        """The cell, or "" where the column or the cell is not there."""
        return self.cells.get(column.strip().casefold(), "")


def read(
    file: Path, columns: Sequence[str], encoding: str = "cp1252", is_key: Callable[[str], object] = lambda cell: None
) -> tuple[list[Row], list[Problem]]:
    """All rows that can be understood and a Problem for each that cannot; never an exception.

    `columns` must be there. `is_key` tells whether a cell of the first of them names something asked for: an open
    quote may not swallow such a line.
    """
    try:
        text = _decode(file.read_bytes(), encoding)
    except PermissionError:
        message = "cannot be read; it may be open in another program. Close it there and run the command again."
        return [], [Problem(str(file), None, message)]
    except OSError as error:
        message = f"cannot be read: {error.strerror}. Put it back or check its permissions, and run the command again."
        return [], [Problem(str(file), None, message)]
    lines = list(io.StringIO(text, newline=""))
    try:
        first, separator, header = _header(lines, columns)
    except ValueError as error:
        return [], [Problem(str(file), 1, str(error))]

    key = header.index(columns[0].strip().casefold())

    def swallows(swallowed: list[str]) -> bool:
        firsts = (_record([line], separator)[0] or [] for line in swallowed)
        return any(is_key(cells[key]) for cells in firsts if len(cells) > key)

    rows, problems = [], []
    for number, cells in _records(lines, first, separator, swallows):
        if cells is None:
            problems.append(Problem(str(file), number, 'has a quote (") that does not close. Remove it.'))
        elif any(cell.strip() for cell in cells[len(header) :]):
            message = "has more cells than the first line has columns. Put quotes round a cell with a separator in it."
            problems.append(Problem(str(file), number, message))
        elif any(cell.strip() for cell in cells):
            rows.append(Row(number, dict(zip(header, cells, strict=False))))
    return rows, problems


def matcher(ids: Iterable[ItemId]) -> Callable[[str], ItemId | None]:
    """A function from a path somebody's program wrote (slashes turned, accents recomposed, spaces added) to the id."""
    exact = set(ids)
    times = Counter(map(folded, exact))
    loose = {folded(item): item for item in exact if times[folded(item)] == 1}
    return lambda cell: cell if cell in exact else loose.get(folded(cell))


def check_encoding(encoding: str) -> str:
    """Give `encoding` back, or raise BadParams."""
    try:
        codecs.lookup(encoding)
        "".encode(encoding)
    except LookupError:
        raise BadParams(
            f"label_source.encoding is '{encoding}', which is no text encoding. Examples: cp1252, cp1250, gbk, big5."
        ) from None
    return encoding


def folded(path: str) -> str:
    """A path as it compares: forward slashes, composed accents, no spaces around it."""
    return normalize("NFC", path.strip().replace("\\", "/"))


def _decode(data: bytes, fallback: str) -> str:
    # Bytes that do not fit become U+FFFD: they spoil the row they are in, which then matches nothing, and no other.
    if data.startswith(codecs.BOM_UTF8):
        return data.decode("utf-8-sig", errors="replace")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode(fallback, errors="replace")


def _header(lines: list[str], columns: Sequence[str]) -> tuple[int, str, list[str]]:
    """The index of the first line of data, the separator and the column names; ValueError in words."""
    at = next((at for at, line in enumerate(lines) if line.strip()), None)
    if at is None:
        raise ValueError(f"is empty. It needs the columns {', '.join(columns)}.")
    separators = SEPARATORS
    stated = lines[at].strip("\r\n")
    if stated.lower().startswith("sep=") and len(stated) == 5:
        at, separators = at + 1, stated[4]
    wanted = [column.strip().casefold() for column in columns]
    for separator in separators:
        cells, used = _record(lines[at : at + LONGEST], separator)
        names = [cell.strip().casefold() for cell in cells or []]
        if all(names.count(name) == 1 for name in wanted):
            return at + used, separator, names
    found = lines[at].strip() if at < len(lines) else ""
    raise ValueError(
        f"must have each of the columns {', '.join(columns)} once, but its first line is {found[:200]!r}. "
        "Restore that line and save the file as CSV UTF-8."
    )


def _records(
    lines: list[str], at: int, separator: str, swallows: Callable[[list[str]], bool]
) -> Iterator[tuple[int, list[str] | None]]:
    while at < len(lines):
        cells, used = _record(lines[at : at + LONGEST] if '"' in lines[at] else [lines[at]], separator)
        if used > 1 and swallows(lines[at + 1 : at + used]):
            cells, used = None, 1
        yield at + 1, cells
        at += used


def _record(lines: list[str], separator: str) -> tuple[list[str] | None, int]:
    """The cells of the record that `lines` begin with and how many lines it takes; None if its quotes are wrong."""
    if lines and '"' not in lines[0]:
        return lines[0].rstrip("\r\n").split(separator), 1
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        return next(reader), reader.line_num
    except (csv.Error, StopIteration):
        return None, 1
