"""The CSV that people import into their image set: written so that Timelapse takes every row, and warns of nothing."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from alframe.errors import FormatError
from alframe.formats.timelapse.data import Record, read_records
from alframe.formats.timelapse.schema import Field
from alframe.formats.timelapse.template import Template
from alframe.store.files import replace_atomically

IMPORT_MENU = "File > Export or import data to/from a csv file > Import image/video data from a .csv file"
_VALUE_PATTERNS = {
    "Counter": r"[+-]?\d+|",
    "IntegerAny": r"[+-]?\d+|",
    "IntegerPositive": r"\d+|",
    "DecimalAny": r"[+-]?(\d+\.?\d*|\.\d+)|",
    "DecimalPositive": r"(\d+\.?\d*|\.\d+)|",
    "AlphaNumeric": r"[A-Za-z0-9_-]*",
    "Flag": r"(?i:true|false)",
    "DeleteFlag": r"(?i:true|false)",
    "Date_": r"\d{4}-\d\d-\d\d",
    "Time_": r"\d\d:\d\d:\d\d",
}


def accepts_value(field: Field, value: str) -> bool:
    """Whether Timelapse's import takes this value; one that it does not take makes it refuse the whole file."""
    if field.type == "FixedChoice":
        return value in ("", *field.choices)
    if field.type == "MultiChoice":
        return not value or all(part in field.choices for part in value.split(","))
    if field.type in ("DateTime", "DateTime_"):
        return is_timelapse_time(value)
    if field.type in ("Counter", "IntegerAny", "IntegerPositive") and len(value) > 9:  # it need not fit 32 bits
        return False
    return re.fullmatch(_VALUE_PATTERNS.get(field.type, r"(?s:.*)"), value, re.ASCII) is not None


def is_timelapse_time(value: str) -> bool:
    """Whether a value is a time as Timelapse keeps it."""
    try:
        return f"{datetime.strptime(value, '%Y-%m-%d %H:%M:%S'):%Y-%m-%d %H:%M:%S}" == value
    except ValueError:
        return False


def write_import_csv(file: Path, template: Template, rows: Sequence[Mapping[str, str]]) -> bool:
    """Write `rows`, one for each record in the order of the Ids; whether their DateTime is among the columns.

    A row has File, RelativePath and DateTime as the data file has them, and the same fields of `template` in each.
    Without a good time in every row, DateTime is left out: Timelapse then gives one harmless warning. A file of that
    name which this did not write is not replaced. Raises FormatError.
    """
    timed = all(is_timelapse_time(row["DateTime"]) for row in rows)
    fixed = ("File", "RelativePath", "DateTime") if timed else ("File", "RelativePath")
    names = (*fixed, *(name for name in rows[0] if name not in ("File", "RelativePath", "DateTime")))
    for name in names[len(fixed) :]:
        field = template.field(name)
        bad = next((row[name] for row in rows if field is None or not accepts_value(field, row[name])), None)
        if bad is not None:
            raise FormatError(f"Timelapse would not take {bad!r} for the field '{name}'. Check its type and its list.")
    if file.exists() and not is_import_csv(file, rows[0]):
        raise FormatError(f"{file} was not written by alframe, and is not replaced. Move or rename it.")
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([row[name] for name in names] for row in rows)
    content = text.getvalue().encode()
    if not file.exists() or file.read_bytes() != content:  # Timelapse may be reading it just now
        with replace_atomically(file) as temporary:
            temporary.write_bytes(content)
    return timed


def is_import_csv(file: Path, names: Container[str]) -> bool:
    """Whether the file has no other columns than these and those that a selector always has."""
    try:
        with file.open(encoding="utf-8", newline="") as handle:
            header = next(csv.reader(handle), [])
    except (OSError, ValueError, csv.Error):
        return False
    return header[:2] == ["File", "RelativePath"] and all(name in names or name == "DateTime" for name in header[2:])


def find_unsafe_records(ddb: Path, rows: Sequence[Record]) -> Iterator[Record]:
    """Those of the records (with the column RelativePath) that an import would not find, or take others for.

    Of an image in the root folder it knows the name alone, and would change all of that name. Raises FormatError.
    """
    root = {row.file for row in rows if not row.relative_path}
    below = {one.file for one in read_records(ddb, ()) if one.relative_path and one.file in root} if root else set()
    for row in rows:
        exact = row.cells["RelativePath"]
        if (
            (not row.relative_path and row.file in below)
            or exact.replace("\\", "/") != row.relative_path
            or ("/" in exact or row.file != row.file.strip())
        ):
            yield row
