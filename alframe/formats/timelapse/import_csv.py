"""Write the CSV that people import into their image set, so that Timelapse accepts every row without a warning."""

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
    """Return whether Timelapse's import accepts this value. If one value is wrong, it refuses the whole file."""
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
    try:
        return f"{datetime.strptime(value, '%Y-%m-%d %H:%M:%S'):%Y-%m-%d %H:%M:%S}" == value
    except ValueError:
        return False


def write_import_csv(file: Path, template: Template, rows: Sequence[Mapping[str, str]]) -> bool:
    """Write `rows`, one for each record in the order of the Ids. Return whether the file has the column DateTime.

    A row has File, RelativePath and DateTime as in the data file, and all rows have the same fields of `template`. If
    a row has no valid time, DateTime is left out, and Timelapse gives one harmless warning. A file that alframe has not
    written is never replaced. Raises FormatError.
    """
    has_times = all(is_timelapse_time(row["DateTime"]) for row in rows)
    fixed = ("File", "RelativePath", "DateTime") if has_times else ("File", "RelativePath")
    names = (*fixed, *(name for name in rows[0] if name not in ("File", "RelativePath", "DateTime")))
    for name in names[len(fixed) :]:
        field = template.find_field(name)
        bad = next((row[name] for row in rows if field is None or not accepts_value(field, row[name])), None)
        if bad is not None:
            raise FormatError(f"Timelapse would refuse {bad!r} for the field '{name}'. Check its type and its list.")
    if file.exists() and not has_only_import_columns(file, rows[0]):
        raise FormatError(f"{file} was not written by alframe, and is not replaced. Move or rename it.")
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([row[name] for name in names] for row in rows)
    content = buffer.getvalue().encode()
    if not file.exists() or file.read_bytes() != content:  # Timelapse may be reading it
        with replace_atomically(file) as temporary:
            temporary.write_bytes(content)
    return has_times


def has_only_import_columns(file: Path, field_names: Container[str]) -> bool:
    """Return whether the file has only the columns `field_names` and the columns that an import CSV always has."""
    try:
        with file.open(encoding="utf-8", newline="") as handle:
            header = next(csv.reader(handle), [])
    except (OSError, ValueError, csv.Error):
        return False
    return header[:2] == ["File", "RelativePath"] and all(
        name in field_names or name == "DateTime" for name in header[2:]
    )


def find_unimportable_records(ddb: Path, records: Sequence[Record]) -> Iterator[Record]:
    """Yield the records (with the column RelativePath) that an import would miss or confuse with others.

    An import knows an image in the root folder only by its name, and would change all images with this name. Raises
    FormatError.
    """
    in_root = {record.file for record in records if not record.relative_path}
    ambiguous = set()
    if in_root:
        ambiguous = {other.file for other in read_records(ddb, ()) if other.relative_path and other.file in in_root}
    for record in records:
        path = record.cells["RelativePath"]
        is_exact = path.replace("\\", "/") == record.relative_path and "/" not in path
        is_ambiguous = not record.relative_path and record.file in ambiguous
        if not is_exact or is_ambiguous or record.file != record.file.strip():
            yield record
