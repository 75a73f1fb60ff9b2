"""Write a data file before Timelapse first opens the set, with suggestions, shortcut keys and a selection in it.

It has more of Timelapse's inner tables than a template, so it is only for versions whose tables are known.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from alframe.formats.timelapse.schema import STANDARD_FIELDS, TEMPLATE_VERSION, Field, require_valid_fields
from alframe.formats.timelapse.sqlite import column_names, explain_errors, open_read_only, quote_name
from alframe.formats.timelapse.template import create_template_tables
from alframe.store.files import replace_atomically

NEWEST_KNOWN_VERSION = (2, 5)  # the newest Timelapse whose tables these are
_DEFAULT_SORT = """[ { "DataLabel":"RelativePath", "DisplayLabel":"RelativePath", "ControlType":"RelativePath", \
"IsAscending":"true" }, { "DataLabel":"DateTime", "DisplayLabel":"DateTime", "ControlType":"DateTime", \
"IsAscending":"true" } ]"""
_IMAGE_SET = (
    "CREATE TABLE ImageSetTable ( Id INTEGER PRIMARY KEY AUTOINCREMENT, RootFolder TEXT DEFAULT '', "
    "Log TEXT DEFAULT '', Row TEXT, VersionCompatabily TEXT, BackwardsCompatibility TEXT, "
    f"SortTerms TEXT DEFAULT '{_DEFAULT_SORT}', SearchTerms TEXT DEFAULT '{{}}', QuickPasteTerms TEXT, "
    "BBDisplayThreshold REAL DEFAULT '-1', Standard TEXT DEFAULT '' )"
)
_IMAGE_SET_COLUMNS = set(re.findall(r"(\w+) (?:INTEGER|TEXT|REAL)\b", _IMAGE_SET))
_INDEXES = {
    "IndexRelativePath": "RelativePath",
    "IndexFile": "File",
    "IndexRelativePathFile": "RelativePath,File",
    "IndexRelativePathDateTimeFile": "RelativePath, DateTime, File",
}


@dataclass(frozen=True, slots=True)
class OpeningView:
    """The first view of Timelapse when it opens the file, as JSON text from the module `view`."""

    search_terms: str = "{}"
    sort_terms: str = _DEFAULT_SORT
    quick_paste: str = "[]"


def write_data_file(
    ddb: Path, fields: Sequence[Field], records: Iterable[Mapping[str, str]], opening: OpeningView
) -> None:
    """Write a data file for the template of these fields. Raises FormatError.

    A record maps Data Labels to Timelapse's text: File, RelativePath (backslashes), DateTime (`yyyy-MM-dd HH:mm:ss`)
    and any of `fields`. Missing fields get the default of the template.
    """
    require_valid_fields(fields)
    all_fields = (*STANDARD_FIELDS, *fields)
    names = [field.data_label for field in all_fields]
    insert = f"INSERT INTO DataTable ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    with explain_errors(ddb), replace_atomically(ddb) as temporary, closing(sqlite3.connect(temporary)) as db, db:
        create_template_tables(db, fields)
        columns = ", ".join(map(_column_definition, all_fields))
        db.execute(f"CREATE TABLE DataTable ( Id INTEGER PRIMARY KEY AUTOINCREMENT, {columns} )")
        db.execute(_IMAGE_SET)
        counters = "".join(f", {field.data_label} TEXT DEFAULT ''" for field in fields if field.type == "Counter")
        db.execute(f"CREATE TABLE MarkersTable ( Id INTEGER PRIMARY KEY AUTOINCREMENT{counters} )")
        for name, indexed in _INDEXES.items():
            db.execute(f"CREATE INDEX {name} ON DataTable ( {indexed} )")
        view = (opening.sort_terms, opening.search_terms, opening.quick_paste)
        values = (ddb.absolute().parent.name, TEMPLATE_VERSION, TEMPLATE_VERSION, *view)
        db.execute("INSERT INTO ImageSetTable VALUES (1, ?, '', '-1', ?, ?, ?, ?, ?, -1, '')", values)
        rows = ([record.get(field.data_label, field.default) for field in all_fields] for record in records)
        db.executemany(insert, rows)


def find_version_problem(file: Path) -> str:
    """Return why a file with the version of this `.tdb` or `.ddb` cannot be written, or "". Raises FormatError."""
    with open_read_only(file) as db:
        set_columns = column_names(db, "ImageSetTable")
        table = "ImageSetTable" if set_columns else "TemplateInfo"
        row = db.execute(f"SELECT {quote_name('VersionCompatabily')} FROM {table}").fetchone()
    version, newest = str(row[0]) if row else "", ".".join(map(str, NEWEST_KNOWN_VERSION))
    numbers = version.split(".")[:2]
    if not (len(numbers) == 2 and all(part.isdecimal() for part in numbers)):
        return f"{file} does not name the Timelapse version that made it ('{version}')"
    if tuple(map(int, numbers)) > NEWEST_KNOWN_VERSION:
        return f"{file} was opened by Timelapse {version}, which is newer than {newest}"
    if set_columns and set(set_columns) != _IMAGE_SET_COLUMNS:
        return f"{file} has other tables than Timelapse {newest}"
    return ""


def _column_definition(field: Field) -> str:
    kind = "DATETIME" if field.type == "DateTime" else "TEXT"
    default = field.default.replace("'", "''")
    return f"{field.data_label} {kind} DEFAULT '{default}'"
